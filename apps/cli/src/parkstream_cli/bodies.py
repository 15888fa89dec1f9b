"""Bodies as they were received: as JSON where they are JSON, else as text."""

import msgspec
from msgspec import Raw


def formatted(body: bytes, *, indent: int = 2) -> str | None:
    """Return *body* as formatted JSON, None when it is no JSON."""
    try:
        return msgspec.json.format(body.decode(), indent=indent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def as_value(body: bytes) -> Raw | str:
    """Return what stands for *body* in JSON that fits on one line."""
    text = formatted(body, indent=-1)
    return body.decode(errors="replace") if text is None else Raw(text.encode())


def as_lines(body: bytes) -> list[str]:
    """Return *body* for people."""
    text = formatted(body)
    return (body.decode(errors="backslashreplace") if text is None else text).splitlines()

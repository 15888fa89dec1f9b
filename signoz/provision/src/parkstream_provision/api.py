"""Calls SigNoz, and insists on JSON."""

from typing import Any, Final

import httpx
import msgspec
from parkstream_service.foreign_data import UNREADABLE, TooLongError

from parkstream_provision.errors import NotJsonError, RefusedError, UnreachableError
from parkstream_provision.shapes import Json, fields

TIMEOUT_SECONDS: Final = 30.0
ANSWER_BYTES_MAX: Final = 4 << 20
"""All of our dashboards together are a thirtieth of it."""


class Api:
    """SigNoz at one address; ``token`` is shown once it is known."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.Client(base_url=self.url, timeout=TIMEOUT_SECONDS, headers={"Accept-Encoding": "identity"})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def show(self, token: str) -> None:
        """Show *token* from now on."""
        self._client.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what is at *path*."""
        return self.call("GET", path)

    def call(self, method: str, path: str, body: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return the ``data`` that is answered, or ``None`` for an empty answer.

        Raises ``UnreachableError``, ``RefusedError``, or ``NotJsonError`` when the user interface answers.
        """
        try:
            with self._client.stream(method, path, json=body) as answer:
                content = _content(answer)
        except (httpx.HTTPError, TooLongError) as error:
            raise UnreachableError(self.url, f"{type(error).__name__}: {error}".rstrip(": ")) from error
        return _data(method, path, answer, content)


def _content(answer: httpx.Response) -> bytes:
    """Return the body as it was sent: what is compressed was not asked for."""
    content = bytearray()
    for chunk in answer.iter_raw():
        content += chunk
        if len(content) > ANSWER_BYTES_MAX:
            raise TooLongError(ANSWER_BYTES_MAX, "the answer")
    return bytes(content)


def _data(method: str, path: str, answer: httpx.Response, body: bytes) -> Any:  # noqa: ANN401 - JSON
    if answer.is_success and not body:
        return None
    kind = answer.headers.get("content-type", "")
    try:
        content = msgspec.json.decode(body)
    except UNREADABLE as error:
        if not answer.is_success:
            raise RefusedError(method, path, answer.status_code, body.decode(errors="replace")) from error
        raise NotJsonError(method, path, kind) from error
    if not answer.is_success:
        raise RefusedError(method, path, answer.status_code, content)
    return content["data"] if {"status", "data"} <= fields(content).keys() else content

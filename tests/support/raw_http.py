"""Requests byte by byte, as no client would write them."""

import socket
from collections.abc import Mapping, Sequence


def request(method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """Return a request with exactly these *headers*, and those that say how long *body* is and that nothing follows."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def ask(port: int, content: bytes) -> tuple[int, bytes]:
    """Send *content* to *port* of this machine, and return the status and the body of what is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(content)
        answer = bytearray()
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


def status(port: int, path: str, headers: Mapping[str, str], method: str = "GET", body: bytes = b"") -> int:
    """Return with which status a request for localhost is answered, unless *headers* name another host."""
    full = {"Host": f"localhost:{port}"} | dict(headers)
    return ask(port, request(method, path, list(full.items()), body))[0]

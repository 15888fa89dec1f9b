"""Calls SigNoz, and insists on JSON."""

from typing import Any, Final

import httpx

from parkstream_provision.errors import NotJsonError, RefusedError, UnreachableError
from parkstream_provision.shapes import Json, fields

TIMEOUT_SECONDS: Final = 30.0


class Api:
    """SigNoz at one address; ``token`` is shown once it is known."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.Client(base_url=self.url, timeout=TIMEOUT_SECONDS)

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
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise UnreachableError(self.url, f"{type(error).__name__}: {error}".rstrip(": ")) from error
        return _data(method, path, answer)


def _data(method: str, path: str, answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    if answer.is_success and not answer.content:
        return None
    kind = answer.headers.get("content-type", "")
    if "json" not in kind:
        if answer.is_success:
            raise NotJsonError(method, path, kind)
        raise RefusedError(method, path, answer.status_code, answer.text)
    content = answer.json()
    if not answer.is_success:
        raise RefusedError(method, path, answer.status_code, content)
    return content["data"] if {"status", "data"} <= fields(content).keys() else content

"""The API document (OpenAPI 3.1) of a service, and a page that shows it without asking any other server."""

from importlib.resources import files
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme


class DocsPage(OpenAPIRenderPlugin):
    """One page of plain HTML and script, with the document in it."""

    def __init__(self, title: str) -> None:
        super().__init__(path="/", favicon="", style="")
        page = files("parkstream_service.http").joinpath("docs.html").read_bytes()
        self._page = page.replace(b"{{title}}", title.encode())

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002 - Litestar's
        """Return the page that shows *openapi_schema*."""
        return self._page.replace(b"{{document}}", msgspec.json.encode(openapi_schema).replace(b"<", b"\\u003c"))


def openapi(title: str, description: str, *, guarded: bool) -> OpenAPIConfig:
    """Return how the document is made: served at ``/docs`` and ``/docs/openapi.json``."""
    bearer = SecurityScheme(
        type="http", scheme="bearer", description="The credential of a caller, when any are configured."
    )
    return OpenAPIConfig(
        title=title,
        version="1",
        description=description,
        path="/docs",
        render_plugins=[DocsPage(title)],
        components=Components(security_schemes={"bearer": bearer}),
        security=[{"bearer": []}] if guarded else [{}, {"bearer": []}],
        use_handler_docstrings=True,
    )


def document(app: Litestar) -> str:
    """Return the API document of *app*, as it is pinned in ``docs/``."""
    return (
        msgspec.json.format(msgspec.json.encode(app.openapi_schema.to_schema(), order="deterministic")).decode() + "\n"
    )

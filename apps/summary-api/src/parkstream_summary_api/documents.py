"""The API document (OpenAPI 3.1), and a page that shows it without asking any other server."""

from dataclasses import dataclass
from importlib.resources import files
from inspect import cleandoc
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, OpenAPIMediaType, Operation, RequestBody, SecurityScheme
from parkstream_events.summaries import SummaryItem

COMPONENT: Final = "#/components/schemas/{name}"


@dataclass
class PostedOperation(Operation):
    """An operation whose body is read by hand, item by item, and therefore described by hand."""

    def __post_init__(self) -> None:
        item: Any = msgspec.json.schema_components([SummaryItem], ref_template=COMPONENT)[1]["SummaryItem"]
        item["description"] = cleandoc(item["description"])
        either: Any = {"oneOf": [item, {"type": "array", "items": item, "maxItems": 100}]}
        content = {"application/json": OpenAPIMediaType(schema=either)}
        self.request_body = RequestBody(content, "One summary, or an array of up to 100.", required=True)


class DocsPage(OpenAPIRenderPlugin):
    """One page of plain HTML and script, with the document in it."""

    def __init__(self) -> None:
        super().__init__(path="/", favicon="", style="")
        self._page = files("parkstream_summary_api").joinpath("docs.html").read_bytes()

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002 - Litestar's
        """Return the page that shows *openapi_schema*."""
        return self._page.replace(b"{{document}}", msgspec.json.encode(openapi_schema).replace(b"<", b"\\u003c"))


def openapi(*, guarded: bool) -> OpenAPIConfig:
    """Return how the document is made: served at ``/docs`` and ``/docs/openapi.json``."""
    bearer = SecurityScheme(type="http", scheme="bearer", description="PARKSTREAM_API_TOKEN, when it is configured.")
    return OpenAPIConfig(
        title="Parkstream summary-api",
        version="1",
        description="Writes one line per visit revision to a file, and answers when it is on disk.",
        path="/docs",
        render_plugins=[DocsPage()],
        components=Components(security_schemes={"bearer": bearer}),
        security=[{"bearer": []}] if guarded else [{}, {"bearer": []}],
        use_handler_docstrings=True,
    )

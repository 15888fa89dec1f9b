"""What of the API document is written by hand."""

from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, Final

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody
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

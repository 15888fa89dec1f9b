"""Saved views: what a person on call asks of the traces often."""

from typing import Final

from msgspec import Struct
from parkstream_telemetry import names
from parkstream_telemetry.kinds import Attribute

from parkstream_definitions.boards.camera_to_disk import COLUMNS, E2E, PENDING, WRITE
from parkstream_definitions.figures import Json
from parkstream_definitions.queries import field, span_list


class View(Struct, frozen=True, kw_only=True):
    """A question to the traces that a person on call asks often."""

    name: str
    title: str
    where: str
    fields: list[Attribute]

    def as_json(self) -> Json:
        """Return what is POSTed: the latest first, because the Explorer sorts by time whatever a view says."""
        kind, spec = span_list(self.where, self.fields, limit=100)
        return {
            "name": f"parkstream-{self.name}",
            "source": "traces",
            "schemaVersion": "v2",
            "spec": {
                "displayName": f"Parkstream: {self.title}",
                "panelType": "list",
                "requestType": "raw",
                "queries": [{"type": kind, "spec": spec}],
                "selectedFields": [field(one) for one in self.fields],
            },
        }


VIEWS: Final = [
    View(
        name="slow-exits",
        title="slow exits (above 100 ms, the latest first)",
        where=f"{WRITE} AND {PENDING} = false AND {E2E} > 100",
        fields=COLUMNS,
    ),
    View(
        name="failed-deliveries",
        title="failed deliveries",
        where=f"name = '{names.SPAN_DELIVER.name}' AND has_error = true",
        fields=[
            names.ATTRIBUTE_ERROR_TYPE,
            names.ATTRIBUTE_HTTP_STATUS,
            names.ATTRIBUTE_STATUS,
            names.ATTRIBUTE_RESEND_COUNT,
            names.ATTRIBUTE_VISIT_ID,
        ],
    ),
    View(
        name="unmatched-exits",
        title="unmatched exits",
        where=f"{WRITE} AND {names.ATTRIBUTE_OUTCOME.name} = 'entry_missed'",
        fields=COLUMNS,
    ),
    View(
        name="replays",
        title="replays (what the tools did)",
        where="service.name = 'parkstream-cli'",
        fields=[names.ATTRIBUTE_POSITION, names.ATTRIBUTE_VISIT_ID, names.ATTRIBUTE_OUTCOME],
    ),
]

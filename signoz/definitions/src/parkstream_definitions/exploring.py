"""Saved views, and funnels that show how many traces get from stage to stage."""

from typing import Final

from msgspec import Struct
from parkstream_events import topology
from parkstream_telemetry import names
from parkstream_telemetry.kinds import Attribute

from parkstream_definitions.boards.camera_to_disk import COLUMNS, E2E, HELD, WRITE
from parkstream_definitions.figures import Json
from parkstream_definitions.queries import field, span_list

BACKEND: Final = "parkstream-backend"
PROCESS_EXIT: Final = f"process {topology.EVENTS_EXCHANGE}:{topology.EXITED_KEY}:{topology.EXITS_QUEUE}"
PUBLISH_EXIT: Final = f"publish {topology.EVENTS_EXCHANGE}:{topology.EXITED_KEY}"


class View(Struct, frozen=True, kw_only=True):
    """A question to the traces that a person on call asks often."""

    name: str
    title: str
    where: str
    fields: list[Attribute]
    first: Attribute | None = None

    def as_json(self) -> Json:
        """Return what is POSTed."""
        kind, spec = span_list(self.where, self.fields, first=self.first, limit=100)
        return {
            "name": f"parkstream-{self.name}",
            "source": "traces",
            "schemaVersion": "v2",
            "spec": {
                "displayName": f"Parkstream: {self.title}",
                "panelType": "list",
                "queries": [{"type": kind, "spec": spec}],
                "selectedFields": [field(one) for one in self.fields],
            },
        }


class Funnel(Struct, frozen=True):
    """How many traces get from one step to the next, and how long that takes."""

    name: str
    title: str
    steps: list[tuple[str, str]]
    """Service and span."""

    def as_json(self) -> Json:
        """Return its name, and the steps that are PUT."""
        steps = [
            {
                "step_order": order,
                "service_name": service,
                "span_name": span,
                "latency_pointer": "start",
                "has_errors": False,
            }
            for order, (service, span) in enumerate(self.steps, 1)
        ]
        return {"funnel_name": f"Parkstream: {self.title}", "steps": steps}


VIEWS: Final = [
    View(
        name="slow-exits",
        title="slow exits",
        where=f"{WRITE} AND {HELD} = false AND {E2E} > 100",
        fields=COLUMNS,
        first=names.ATTRIBUTE_E2E_DURATION_MS,
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

WAY: Final = [
    ("parkstream-exit-generator", PUBLISH_EXIT),
    (BACKEND, PROCESS_EXIT),
    (BACKEND, names.SPAN_PROJECT.name),
    (BACKEND, names.SPAN_DELIVER.name),
    ("parkstream-summary-api", names.SPAN_WRITE.name),
]
STAGES: Final = ["queue", "project", "outbox", "disk"]

FUNNELS: Final = [
    Funnel("exit-to-disk", "exit to disk", WAY),
    *(
        Funnel(f"{number}-{stage}", f"stage {number}, {stage}", WAY[number - 1 : number + 1])
        for number, stage in enumerate(STAGES, 1)
    ),
]

"""Funnels: how many traces get from stage to stage, and how long each step takes."""

from typing import Final

from msgspec import Struct
from parkstream_events import topology
from parkstream_telemetry import names

from parkstream_definitions.figures import Json

BACKEND: Final = "parkstream-backend"
PROCESS_EXIT: Final = f"process {topology.EVENTS_EXCHANGE}:{topology.EXITED_KEY}:{topology.EXITS_QUEUE}"
PUBLISH_EXIT: Final = f"publish {topology.EVENTS_EXCHANGE}:{topology.EXITED_KEY}"


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

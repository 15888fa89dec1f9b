"""What a batch may touch, known before it is folded: a store that keeps only a part in memory loads that part first."""

from collections.abc import Iterable

from parkstream_events.decisions import RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds

from parkstream_visits.plate_visits import gate_of
from parkstream_visits.recorded_event import RecordedEvent
from parkstream_visits.state import Clock


def reach(events: Iterable[RecordedEvent], clock: Clock) -> tuple[int, int, int]:
    """Return per kind of timer the time before which an item may come due while *events* are folded.

    A store that keeps only a part in memory loads those items, and their plates, first.
    """
    gates, now_us, rules = clock.gates.copy(), clock.recorded_at_us, clock.rules[-1]
    lateness_us, hold_max_us, grace_us = rules.allowed_lateness_us, rules.hold_max_us, rules.silence_grace_us
    for recorded in events:
        now_us = max(now_us, recorded.recorded_at_us)
        match recorded.event:
            case (VehicleEntered() | VehicleExited()) as event:
                at_us = microseconds(event.event_time)
                gate = gate_of(event)
                gates.report(event.direction, gate, at_us, recorded.recorded_at_us, recorded.position, hold_max_us)
            case WatermarkAdvanced() as decision:
                gates.decide(decision, recorded.recorded_at_us, grace_us)
            case RulesChanged() as changed:
                lateness_us = min(lateness_us, changed.allowed_lateness_us)
                hold_max_us, grace_us = changed.hold_max_us, changed.silence_grace_us
            case _:
                pass
    due_us = gates.watermark_us - lateness_us
    return due_us, due_us, now_us

"""Random histories of a few plates, and the visit rules in their slowest form, written apart from the product."""

from dataclasses import dataclass
from datetime import datetime

from hypothesis import strategies as st
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds, moment_of
from parkstream_visits import Emitted, Fold, RecordedEvent, Rules, State

UNIT = 1_000_000
START = microseconds(datetime.fromisoformat("2026-03-01T08:00:00+00:00"))
RULES = Rules(3 * UNIT, 50 * UNIT, 4 * UNIT, 5 * UNIT, 60 * UNIT, 20_000 * UNIT)
IN, OUT, END = 0, 1, 10_000


@dataclass(frozen=True, order=True)
class Pass:
    at: int
    way: int
    id: str
    plate: str = "A1"

    def fact(self, position: int, recorded: int = END) -> RecordedEvent:
        kind = VehicleExited if self.way else VehicleEntered
        return RecordedEvent(
            position, START + recorded * UNIT, None, None, kind(self.id, self.plate, moment_of(START + self.at * UNIT))
        )


passes = st.builds(
    Pass, st.integers(0, 120), st.sampled_from([IN, OUT]), st.integers(0, 99).map(str), st.sampled_from(["A1", "B2"])
)
histories = st.lists(passes, max_size=14, unique_by=lambda p: (p.way, p.id))
one_plate = st.lists(passes.filter(lambda p: p.plate == "A1"), max_size=12, unique_by=lambda p: (p.way, p.id))


def rules_changed(position: int = 1) -> RecordedEvent:
    return RecordedEvent(position, START, None, None, RULES.changed(0))


def plain_visits(seen: list[Pass]) -> dict[str, tuple[str, str | None, str | None]]:
    """Say what the rules give for one plate: visit id to (outcome, entry id, exit id)."""
    found: dict[str, tuple[str, str | None, str | None]] = {}
    last = inside = None
    for p in sorted(set(seen)):
        if last and last.way == p.way and p.at - last.at < 3:
            continue
        last = p
        stays = inside is not None and p.at - inside.at <= 50
        if p.way == OUT and stays:
            found[f"exit:{p.id}"] = ("completed", inside.id, p.id)
            inside = None
            continue
        if inside:
            found[f"entry:{inside.id}"] = ("exit_missed", inside.id, None)
        inside = p if p.way == IN else None
        if p.way == OUT:
            found[f"exit:{p.id}"] = ("entry_missed", None, p.id)
    if inside:
        found[f"entry:{inside.id}"] = ("exit_missed", inside.id, None)
    return found


class Emissions:
    """A fold, and all that it emitted."""

    def __init__(self) -> None:
        self.state = State()
        self.fold = Fold(self.state)
        self.position = 0
        self.emitted: list[Emitted] = []
        self.take(rules_changed())

    def take(self, fact: RecordedEvent) -> list[Emitted]:
        self.position += 1
        said = self.fold.fold(fact._replace(position=self.position))
        self.emitted += said
        return said

    def see(self, *seen: Pass, recorded: int = END) -> "Emissions":
        for p in seen:
            self.take(p.fact(0, recorded))
        return self

    def to_the_end(self) -> "Emissions":
        far = Pass(END, IN, "last-in", "ZZ"), Pass(END, OUT, "last-out", "ZZ")
        return self.see(*far)

    def current(self, *plates: str) -> dict[str, tuple[str, str | None, str | None]]:
        latest = {s.visit_id: s for s in self.emitted if s.plate in plates}
        return {
            id_: (str(s.outcome), s.entry.id if s.entry else None, s.exit.id if s.exit else None)
            for id_, s in latest.items()
            if s.outcome != "retracted"
        }

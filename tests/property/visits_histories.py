"""Random histories of a few plates, and the visit rules in their slowest form, written apart from the product."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypothesis import strategies as st
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited, microseconds, moment_of
from parkstream_visits import Emitted, Fold, RecordedEvent, Rules, State

UNIT = 1_000_000
START = microseconds(datetime.fromisoformat("2026-03-01T08:00:00+00:00"))
RULES = Rules(3 * UNIT, 50 * UNIT, 4 * UNIT, 5 * UNIT, 60 * UNIT, 20_000 * UNIT)
IN, OUT, END = 0, 1, 10_000
UNNAMED = ("",)
BEFORE = -1_000
"""When gates that are known from the start have reported first."""


@dataclass(frozen=True, order=True)
class Pass:
    at: int
    way: int
    id: str
    plate: str = "A1"
    gate: str = ""

    def fact(self, position: int, recorded: int = END) -> RecordedEvent:
        kind = VehicleExited if self.way else VehicleEntered
        event = kind(self.id, self.plate, moment_of(START + self.at * UNIT), self.gate or None)
        return RecordedEvent(position, START + recorded * UNIT, None, None, event)

    @property
    def visit_id(self) -> str:
        """The id of the visit that is called by it."""
        return f"{('entry', 'exit')[self.way]}:{self.id}@{START + self.at * UNIT}"

    @property
    def identity(self) -> tuple[int, str]:
        return START + self.at * UNIT, self.id


def passes_at(gates: Sequence[str]) -> st.SearchStrategy[Pass]:
    return st.builds(
        Pass,
        st.integers(0, 120),
        st.sampled_from([IN, OUT]),
        st.integers(0, 9).map(str),
        st.sampled_from(["A1", "B2"]),
        st.sampled_from(gates),
    )


def histories_at(gates: Sequence[str], *, max_size: int = 14) -> st.SearchStrategy[list[Pass]]:
    """Return histories of sightings that are all different: an id may come again at another time."""
    return st.lists(passes_at(gates), max_size=max_size, unique_by=lambda p: (p.at, p.way, p.id))


malls = st.integers(1, 5).map(lambda count: UNNAMED if count == 1 else tuple(f"gate-{n}" for n in range(count)))
"""The names of the gates of each direction, all known."""
passes = passes_at(UNNAMED)
histories = histories_at(UNNAMED)
histories_of_malls = malls.flatmap(lambda gates: st.tuples(st.just(gates), histories_at(gates)))
plates_of_malls = histories_of_malls.map(lambda one: (one[0], [p for p in one[1] if p.plate == "A1"]))


def rules_changed(position: int = 1) -> RecordedEvent:
    return RecordedEvent(position, START + BEFORE * UNIT, None, None, RULES.changed(0))


def plain_visits(seen: Sequence[Pass]) -> dict[str, tuple[str, str | None, str | None]]:
    """Say what the rules give for one plate: visit id to (outcome, entry id, exit id)."""
    found: dict[str, tuple[str, str | None, str | None]] = {}
    last = inside = None
    for p in sorted(set(seen)):
        before, last = last, p
        if before and before.way == p.way and p.at - before.at < 3:
            continue
        stays = inside is not None and p.at - inside.at <= 50
        if p.way == OUT and stays:
            found[p.visit_id] = ("completed", inside.id, p.id)
            inside = None
            continue
        if inside:
            found[inside.visit_id] = ("exit_missed", inside.id, None)
        inside = p if p.way == IN else None
        if p.way == OUT:
            found[p.visit_id] = ("entry_missed", None, p.id)
    if inside:
        found[inside.visit_id] = ("exit_missed", inside.id, None)
    return found


class Emissions:
    """A fold, and all that it emitted; *gates*, of either direction, are known from the start."""

    def __init__(self, gates: Sequence[str] = UNNAMED) -> None:
        self.state = State()
        self.fold = Fold(self.state)
        self.position = 0
        self.emitted: list[Emitted] = []
        self.gates = gates
        self.take(rules_changed())
        if gates != UNNAMED:
            self._make_known()

    def _make_known(self) -> None:
        """Let each gate report once, and the ones without a name be idle."""
        for gate in self.gates:
            self.see(*(Pass(BEFORE, way, f"first-{gate}", "ZZ", gate) for way in (IN, OUT)), recorded=BEFORE)
        unnamed = [Gate(way) for way in Direction]
        self.decide(WatermarkAdvanced(unnamed, START + BEFORE * UNIT, "silence", self.position), BEFORE)
        assert self.state.clock.gates.watermark_us == START + BEFORE * UNIT

    def take(self, recorded: RecordedEvent) -> list[Emitted]:
        self.position += 1
        said = self.fold.fold(recorded._replace(position=self.position))
        self.emitted += said
        return said

    def see(self, *seen: Pass, recorded: int = END) -> "Emissions":
        for p in seen:
            self.take(p.fact(0, recorded))
        return self

    def decide(self, decision: WatermarkAdvanced, recorded: int = END) -> list[Emitted]:
        return self.take(RecordedEvent(0, START + recorded * UNIT, None, None, decision))

    def to_the_end(self) -> "Emissions":
        """Let every gate report that all is long past."""
        far = [Pass(END, way, f"last-{gate}", "ZZ", gate) for gate in self.gates for way in (IN, OUT)]
        return self.see(*far)

    def current(self, *plates: str) -> dict[str, tuple[str, str | None, str | None]]:
        latest = {s.visit_id: s for s in self.emitted if s.plate in plates}
        return {
            id_: (str(s.outcome), s.entry.id if s.entry else None, s.exit.id if s.exit else None)
            for id_, s in latest.items()
            if s.outcome != "retracted"
        }

"""What is decided again, and when: lateness 2 s, grace 5 s, hold_max 60 s."""

import pytest
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited, moment_of
from parkstream_visits import RecordedEvent, Rules
from parkstream_visits.in_memory import InMemory
from parkstream_visits.reenactment import Reenactment

SECOND = 1_000_000
START = 1_772_352_000 * SECOND
ENTRY, EXIT = Direction
IN, OUT = Gate(ENTRY), Gate(EXIT)


class Replayed:
    """A log that is folded record by record, in seconds since the start, and what is decided between."""

    def __init__(self, rules: Rules) -> None:
        self.memory = InMemory()
        self.memory.state.clock.rules = [rules]
        self.watermarks = Reenactment(self.memory.state)
        self.position = 0
        self.decided: list[tuple[float, str, list[Gate]]] = []

    def see(self, recorded: float, way: Direction, plate: str, ago: float = 0, gate: str = "") -> "Replayed":
        kind = VehicleEntered if way == ENTRY else VehicleExited
        happened = moment_of(START + round((recorded - ago) * SECOND))
        return self.take(recorded, kind(f"{self.position}", plate, happened, gate or None))

    def tick(self, recorded: float) -> "Replayed":
        """Let a decision of the log show that time has passed."""
        return self.take(recorded, None)

    def take(self, recorded: float, event: VehicleEntered | VehicleExited | None) -> "Replayed":
        self.position += 1
        dropped = WatermarkAdvanced([], 0, "silence", 0)
        fact = RecordedEvent(self.position, START + round(recorded * SECOND), None, None, event or dropped)
        while (decision := self.watermarks.before(fact)) is not None:
            assert isinstance(decision.event, WatermarkAdvanced)
            seconds = (decision.recorded_at_us - START) / SECOND
            self.decided.append((seconds, decision.event.because, decision.event.gates))
            assert len(self.decided) < 100
            self.memory.take(decision)
        if event:
            self.memory.take(fact)
        self.watermarks.recorded(fact)
        return self

    @property
    def counters(self):
        return self.memory.state.clock.counters


@pytest.fixture
def log() -> Replayed:
    return Replayed(Rules()).tick(0)


def test_a_lone_exit_is_decided_once_both_gates_are_silent(log: Replayed):
    assert log.see(10, EXIT, "A").tick(14.9).decided == []
    assert log.tick(15).decided == [(15, "silence", [IN, OUT])]
    assert log.tick(500).decided == [(15, "silence", [IN, OUT])]
    assert log.counters.entry_missed == 1


def test_a_gate_that_has_caught_up_is_not_waited_for(log: Replayed):
    log.see(10, EXIT, "A").see(13, EXIT, "B")
    assert log.tick(15).decided == [(13, "silence", [IN])]


def test_before_the_first_record_nobody_knows_of_any_silence():
    begun = Replayed(Rules()).see(10, EXIT, "A").see(13, EXIT, "B").tick(14.9)
    assert begun.decided == []
    assert begun.tick(15).decided == [(15, "silence", [IN])]


def test_a_sighting_that_is_recorded_meanwhile_breaks_the_silence(log: Replayed):
    log.see(9, ENTRY, "B", ago=8).see(10, EXIT, "A").see(13, EXIT, "C").see(13.9, ENTRY, "C", ago=9)
    assert log.tick(18.8).decided == []
    assert log.tick(18.9).decided == [(18.9, "silence", [IN, OUT])]


def test_nothing_is_decided_between_records_of_one_moment(log: Replayed):
    log.see(10, EXIT, "A", ago=5).see(10, ENTRY, "A", ago=6)
    assert log.tick(30).decided == []
    assert log.counters.completed == 1
    assert log.counters.emitted == 1


def test_one_busy_gate_does_not_keep_a_closed_one_from_being_idle(log: Replayed):
    log.see(0, ENTRY, "B", gate="closed").see(0, EXIT, "B").see(1, EXIT, "A")
    for second in range(2, 20):
        log.see(second, ENTRY, f"C{second}", gate="busy").see(second, EXIT, f"D{second}")
    assert log.decided[0] == (5, "silence", [IN, Gate(ENTRY, "closed")])
    assert len(log.decided) == 1
    assert log.memory.state.clock.gates.watermark_us == START + 19 * SECOND


def test_a_gate_whose_reports_are_old_is_behind_and_holds_nobody_back(log: Replayed):
    log.see(0, ENTRY, "B").see(0, EXIT, "B").see(1, EXIT, "A")
    for second in range(2, 9):
        log.see(second, ENTRY, f"C{second}", ago=500).see(second, EXIT, f"D{second}")
    assert log.decided == [(7, "behind", [IN])]
    assert log.counters.entry_missed > 0
    log.see(9, ENTRY, "BACK").see(10, EXIT, "E").see(11, EXIT, "F").tick(13)
    assert len(log.decided) == 1, "it counts again"


def test_what_a_gate_that_lags_a_little_holds_up_is_decided_after_hold_max():
    log = Replayed(Rules(silence_grace_us=5 * SECOND, hold_max_us=20 * SECOND)).tick(0)
    log.see(0, ENTRY, "B").see(0, EXIT, "B").see(1, EXIT, "A")
    for second in range(2, 40):
        log.see(second, ENTRY, f"C{second}", ago=min(second, 20)).see(second, EXIT, f"D{second}")
    assert log.decided[0] == (23, "hold_max", [IN])
    released = [at for at, because, _ in log.decided if because == "hold_max"]
    assert released == [23 + n for n in range(len(released))], "nothing due later than what waited"


def test_an_exit_that_nobody_reports_is_decided_at_the_end_of_the_longest_stay():
    log = Replayed(Rules(max_stay_us=100 * SECOND)).tick(0)
    log.see(0, ENTRY, "A")
    assert log.tick(102).decided == []
    assert log.tick(103).decided == [(102.000001, "silence", [IN, OUT])]
    assert log.counters.exit_missed == 1


def test_while_all_gates_are_idle_another_decision_moves_the_watermark():
    log = Replayed(Rules(max_stay_us=100 * SECOND)).tick(0)
    log.see(0, ENTRY, "A").see(1, EXIT, "B")
    assert log.tick(90).decided == [(6, "silence", [IN, OUT])]
    assert log.tick(200).decided[1:] == [(102.000001, "silence", [IN, OUT])]
    assert (log.counters.entry_missed, log.counters.exit_missed) == (1, 1)


def test_what_is_remembered_of_plates_is_forgotten_with_them():
    log = Replayed(Rules(max_stay_us=SECOND, finality_us=SECOND, duplicate_window_us=SECOND))
    for car in range(4_000):
        log.decided.clear()
        log.see(car * 100, ENTRY, f"A{car}").see(car * 100 + 0.5, EXIT, f"A{car}")
    assert len(log.memory.state.plates) < 1_800
    assert len(log.watermarks._latest_us) < 2 * len(log.memory.state.plates) + 1_002

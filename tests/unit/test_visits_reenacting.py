"""What is decided again, and when: lateness 2 s, grace 5 s, hold_max 60 s."""

import pytest
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited, moment_of
from parkstream_visits import RecordedEvent, Rules
from parkstream_visits.in_memory import InMemory
from parkstream_visits.reenactment import Reenactment

SECOND = 1_000_000
START = 1_772_352_000 * SECOND
ENTRY, EXIT = Direction


class Replayed:
    """A log that is told fact by fact, in seconds since the start, and what is decided between."""

    def __init__(self, rules: Rules) -> None:
        self.memory = InMemory()
        self.memory.state.clock.rules = [rules]
        self.watermarks = Reenactment(self.memory.state)
        self.position = 0
        self.decided: list[tuple[Direction, float, str]] = []

    def see(self, recorded: float, way: Direction, plate: str, ago: float = 0) -> "Replayed":
        kind = VehicleEntered if way == ENTRY else VehicleExited
        happened = moment_of(START + round((recorded - ago) * SECOND))
        return self.take(recorded, kind(f"{self.position}", plate, happened))

    def tick(self, recorded: float) -> "Replayed":
        """Let a decision of the log show that time has passed."""
        return self.take(recorded, None)

    def take(self, recorded: float, event: VehicleEntered | VehicleExited | None) -> "Replayed":
        self.position += 1
        dropped = WatermarkAdvanced(ENTRY, 0, "silence", 0)
        fact = RecordedEvent(self.position, START + round(recorded * SECOND), None, None, event or dropped)
        while (decision := self.watermarks.before(fact)) is not None:
            assert isinstance(decision.event, WatermarkAdvanced)
            assert decision.event.to_us == decision.recorded_at_us
            seconds = (decision.recorded_at_us - START) / SECOND
            self.decided.append((decision.event.direction, seconds, decision.event.because))
            self.memory.take(decision)
        if event:
            self.memory.take(fact)
        self.watermarks.recorded(fact)
        return self


@pytest.fixture
def log() -> Replayed:
    return Replayed(Rules()).tick(0)


def test_a_lone_exit_is_decided_after_the_lateness_when_entries_are_long_silent(log: Replayed):
    assert log.see(10, EXIT, "A").tick(12).decided == []
    assert log.tick(12.1).decided == [(ENTRY, 12.000001, "silence")]
    assert log.tick(500).decided == [(ENTRY, 12.000001, "silence")]


def test_before_the_first_record_nobody_knows_of_any_silence():
    begun = Replayed(Rules()).see(10, EXIT, "A").tick(14.9)
    assert begun.decided == []
    assert begun.tick(15).decided == [(ENTRY, 15, "silence")]


def test_a_direction_is_silent_after_the_grace(log: Replayed):
    assert log.see(9, ENTRY, "B", ago=8).see(10, EXIT, "A").tick(13.9).decided == []
    assert log.tick(14).decided == [(ENTRY, 14, "silence")]


def test_a_sighting_that_is_recorded_meanwhile_breaks_the_silence(log: Replayed):
    log.see(9, ENTRY, "B", ago=8).see(10, EXIT, "A").see(13.9, ENTRY, "C", ago=9)
    assert log.tick(18.9).decided == [(ENTRY, 18.9, "silence")]


def test_nothing_is_decided_between_records_of_one_moment(log: Replayed):
    log.see(10, EXIT, "A", ago=5).see(10, ENTRY, "A", ago=6)
    assert log.tick(30).decided == []
    assert log.memory.state.clock.counters.completed == 1
    assert log.memory.state.clock.counters.emitted == 1


def test_what_a_lagging_direction_holds_up_is_decided_after_hold_max(log: Replayed):
    log.see(0, ENTRY, "B", ago=500).see(1, EXIT, "A")
    for second in range(2, 62, 2):
        log.see(second, ENTRY, f"C{second}", ago=500)
    assert log.decided == []
    log.see(64, ENTRY, "D", ago=500)
    assert log.decided == [(ENTRY, 63, "hold_max")]


def test_what_came_late_is_held_from_its_recording(log: Replayed):
    log.see(0, ENTRY, "B", ago=500)
    for second in range(2, 100, 2):
        log.see(second, ENTRY, f"C{second}", ago=500)
        if second == 30:
            log.see(second + 1, EXIT, "A", ago=20)
    assert log.decided == [(ENTRY, 91, "hold_max")]


def test_other_rules_decide_at_other_times():
    quick = Replayed(Rules(silence_grace_us=SECOND, hold_max_us=3 * SECOND))
    quick.see(9, ENTRY, "B", ago=8).see(9, EXIT, "A").tick(30)
    assert quick.decided == [(ENTRY, 11.000001, "silence")]
    lagging = Replayed(Rules(silence_grace_us=3 * SECOND, hold_max_us=3 * SECOND))
    lagging.see(9, ENTRY, "B", ago=500).see(10, EXIT, "A")
    for second in range(11, 20):
        lagging.see(second, ENTRY, f"C{second}", ago=500)
    assert lagging.decided == [(ENTRY, 15, "hold_max")]


def test_an_exit_that_nobody_reports_is_decided_at_the_end_of_the_longest_stay():
    log = Replayed(Rules(max_stay_us=100 * SECOND)).tick(0)
    log.see(0, ENTRY, "A")
    assert log.tick(102).decided == []
    assert log.tick(103).decided == [(EXIT, 102.000001, "silence")]
    assert log.memory.state.clock.counters.exit_missed == 1


def test_what_is_remembered_of_plates_is_forgotten_with_them():
    log = Replayed(Rules(max_stay_us=SECOND, finality_us=SECOND, duplicate_window_us=SECOND))
    for car in range(4_000):
        log.see(car * 100, ENTRY, f"A{car}").see(car * 100 + 0.5, EXIT, f"A{car}")
    assert len(log.memory.state.plates) < 1_800
    assert len(log.watermarks._latest_us) < 2 * len(log.memory.state.plates) + 1_002

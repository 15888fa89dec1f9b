"""The story of one plate is what the whole fold made of it, also out of the few facts that are needed."""

from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_events.decisions import Gate, RestatedVisit, VisitsRestated, WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited
from parkstream_visits import Fold, RecordedEvent, RememberedStory, Rules, State, StoryFold
from visits_histories import RULES, START, UNIT, Pass, passes, rules_changed

many = settings(max_examples=500, deadline=None)

LATER = Rules(6 * UNIT, 30 * UNIT, 1 * UNIT, 5 * UNIT, 60 * UNIT, 20_000 * UNIT)
SHORT = Rules(3 * UNIT, 50 * UNIT, 4 * UNIT, 5 * UNIT, 60 * UNIT, 60 * UNIT)
decisions = st.builds(
    lambda because, back: (because, back), st.sampled_from(["silence", "hold_max"]), st.integers(0, 3)
)
gates = st.sampled_from(["", "", "north"])
others = st.builds(Pass, st.integers(0, 200), st.sampled_from([0, 1]), st.uuids().map(str), st.just("C3"), gates)
delays = st.one_of(st.integers(-3, 3), st.integers(0, 100))
"""How long after it happened a sighting is recorded, s."""
moments = st.one_of(
    st.tuples(passes, delays),
    st.tuples(others, delays),
    st.tuples(decisions, st.integers(0, 200)),
)
histories = st.lists(moments, max_size=24, unique_by=lambda moment: identity(*moment))


def identity(what, _):
    return (what.at, what.way, what.id) if isinstance(what, Pass) else id(what)


def facts_of(history, *changes):
    """Return *history* in the order of its recording, with *changes*: from some place on other rules, or said again."""
    recorded = sorted(
        (max(0, what.at + delay) if isinstance(what, Pass) else delay, nth, what)
        for nth, (what, delay) in enumerate(history)
    )
    facts = [rules_changed()]
    for at, _, what in recorded:
        position = len(facts) + 1
        if isinstance(what, Pass):
            facts.append(what.fact(position, at))
            continue
        because, back = what
        named = [Gate(way, name) for way in Direction for name in ("", "north")]
        decided = WatermarkAdvanced(named, START + (at - back) * UNIT, because, position - 1)
        facts.append(RecordedEvent(position, START + at * UNIT, None, None, decided))
    for after, what in changes:
        where = 1 + after % len(facts)
        event = what.changed(where) if isinstance(what, Rules) else what
        change = RecordedEvent(0, facts[where - 1].recorded_at_us, None, None, event)
        facts = [fact._replace(position=n) for n, fact in enumerate([*facts[:where], change, *facts[where:]], 1)]
    return facts


def whole(facts):
    fold = Fold(State())
    return fold, [spoken for fact in facts for spoken in fold.fold(fact)]


def telling(name, facts):
    told = StoryFold(name)
    for fact in facts:
        told.take(fact)
    return told


def revisions(story):
    return sorted(
        (revision.emitted for told in story.visits for revision in told.revisions),
        key=lambda spoken: (spoken.position, spoken.visit_id, spoken.revision),
    )


def of_plate(spoken, name):
    found = [one for one in spoken if one.plate == name]
    return sorted(found, key=lambda one: (one.position, one.visit_id, one.revision))


named = st.builds(
    lambda seen, revision: RestatedVisit(seen.plate, seen.visit_id, revision),
    passes,
    st.integers(0, 3),
)
restated = st.builds(lambda visits: VisitsRestated(2, 1, 1, visits), st.lists(named, min_size=1, max_size=3))
changes = st.lists(
    st.tuples(st.integers(0, 40), st.one_of(st.sampled_from([LATER, SHORT, RULES]), restated)), max_size=2
)


@many
@given(histories, changes)
def test_a_story_has_the_visits_and_revisions_of_the_whole_fold(history, changes):
    facts = facts_of(history, *changes)
    fold, spoken = whole(facts)
    for name in ("A1", "B2"):
        story = telling(name, facts).story()
        assert revisions(story) == of_plate(spoken, name)
        visits = [told.visit for told in story.visits if told.visit is not None]
        remembered = fold.visits(name)
        assert visits[len(visits) - len(remembered) :] == remembered
        held = {told.id for told in story.visits if told.pending}
        assert held == (set(fold.state.plates[name].pending) if name in fold.state.plates else set())


def is_of(fact, name):
    return isinstance(fact.event, VehicleEntered | VehicleExited) and fact.event.vehicle_plate == name


def remembered(name, facts, fold):
    """Tell of *name* out of what is remembered of it, and the records that this asks for."""
    told = RememberedStory(name, fold.state.plates[name], fold.state.clock.rules)
    for position in told.positions:
        told.take(facts[position - 1])
    return told


@many
@given(histories, changes)
def test_a_story_out_of_what_is_remembered_is_that_of_the_whole_log_or_says_that_it_is_not(history, changes):
    facts = facts_of(history, *changes)
    fold, spoken = whole(facts)
    ignored = fold.state.clock.counters.too_late_entries + fold.state.clock.counters.too_late_exits
    for name in fold.state.plates.keys() & {"A1", "B2"}:
        told, corrected = remembered(name, facts, fold), any(s.revision > 1 for s in of_plate(spoken, name))
        restated = any(s.restated for s in of_plate(spoken, name))  # Of a plate that is forgotten nothing is kept.
        if told.is_whole and not ignored and not restated:
            assert revisions(told.story()) == of_plate(spoken, name)
            whole_story = telling(name, facts).story()
            assert [(one.id, one.visit) for one in told.story().visits] == [
                (one.id, one.visit) for one in whole_story.visits
            ]
        else:
            assert corrected or ignored or restated


def test_a_revision_that_was_corrected_is_noticed():
    far = [(Pass(70, way, "far", "C3"), 0) for way in (0, 1)]
    facts = facts_of([(Pass(50, 1, "2"), 0), *far, (Pass(10, 0, "1"), 70)])
    fold, spoken = whole(facts)
    assert [(s.revision, str(s.outcome)) for s in of_plate(spoken, "A1")] == [(1, "entry_missed"), (2, "completed")]
    assert not remembered("A1", facts, fold).is_whole


def test_of_what_is_remembered_only_the_plates_own_records_and_those_that_released_it_are_needed():
    car = [(Pass(10, 0, "in"), 0), (Pass(50, 1, "out"), 0), (Pass(90, 1, "lone"), 0)]
    between = [(Pass(at, way, f"{way}{at}", "C3"), 0) for at in range(11, 120) for way in (0, 1)]
    facts = facts_of([*car, *between])
    fold, spoken = whole(facts)
    told = remembered("A1", facts, fold)
    assert revisions(told.story()) == of_plate(spoken, "A1")
    assert [str(one.visit.outcome) for one in told.story().visits] == ["completed", "entry_missed"]
    assert len(told.positions) == 4


@many
@given(histories)
def test_every_sighting_of_the_plate_is_judged_once(history):
    facts = facts_of(history)
    for name in ("A1", "B2"):
        story = telling(name, facts).story()
        own = [fact for fact in facts if is_of(fact, name)]
        assert sorted(one.sighting.position for one in story.sightings) == [fact.position for fact in own]
        assert story.recorded_us == {fact.position: fact.recorded_at_us for fact in own}
        visits = {told.id for told in story.visits if told.visit}
        assert {one.visit_id for one in story.sightings if one.visit_id} == visits

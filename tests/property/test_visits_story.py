"""The story of one plate is what the whole fold made of it, also out of the few facts that are needed."""

from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_events.decisions import RestatedVisit, VisitsRestated, WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited
from parkstream_visits import Fold, PlateSighting, RecordedEvent, Rule, Rules, State, StoryFold
from visits_histories import RULES, START, UNIT, Pass, passes, rules_changed

many = settings(max_examples=500, deadline=None)

LATER = Rules(6 * UNIT, 30 * UNIT, 1 * UNIT, 5 * UNIT, 60 * UNIT, 20_000 * UNIT)
SHORT = Rules(3 * UNIT, 50 * UNIT, 4 * UNIT, 5 * UNIT, 60 * UNIT, 60 * UNIT)
decisions = st.builds(lambda way, back: (way, back), st.sampled_from(list(Direction)), st.integers(0, 3))
others = st.builds(Pass, st.integers(0, 200), st.sampled_from([0, 1]), st.uuids().map(str), st.just("C3"))
delays = st.one_of(st.integers(-3, 3), st.integers(0, 100))
"""How long after it happened a sighting is recorded, s."""
moments = st.one_of(
    st.tuples(passes, delays),
    st.tuples(others, delays),
    st.tuples(decisions, st.integers(0, 200)),
)
histories = st.lists(moments, max_size=24, unique_by=lambda moment: identity(*moment))


def identity(what, _):
    return (what.way, what.id) if isinstance(what, Pass) else id(what)


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
        way, back = what
        decided = WatermarkAdvanced(way, START + (at - back) * UNIT, "silence", position - 1)
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
    told = StoryFold(name, [Rules()])
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
    lambda plate, way, id_, revision: RestatedVisit(plate, f"{way}:{id_}", revision),
    st.sampled_from(["A1", "B2"]),
    st.sampled_from(["entry", "exit"]),
    st.integers(0, 9),
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


def taken(name, facts):
    """Return the sightings of the plate *name* that were not too late."""
    return [one.sighting for one in telling(name, facts).story().sightings if one.rule is not Rule.TOO_LATE]


def only_needed(name, facts, known: list[PlateSighting]):
    """Tell of *name* as a reader does who jumps over what is not needed; return the telling and how much it took."""
    told = StoryFold(name, [Rules(), RULES])
    recorded = [fact.recorded_at_us for fact in facts]
    reached, count = 1, 0  # The first says which rules are in force, and that is known.
    while (needed_us := told.needed_from_us(seen for seen in known if seen.position > reached)) is not None:
        positions = [seen.position for seen in known if seen.position > reached]
        jump = min([bisect_left(recorded, needed_us) + 1, *positions])
        reached = max(reached + 1, jump)
        if reached > len(facts):
            break
        told.take(facts[reached - 1])
        count += 1
    return told, count


@many
@given(histories)
def test_the_facts_that_are_not_needed_change_nothing(history):
    facts = facts_of(history)
    _, spoken = whole(facts)
    for name in ("A1", "B2"):
        known = taken(name, facts)
        if len(known) < sum(is_of(fact, name) for fact in facts):
            continue  # What came too late is not known: such a reader does not jump.
        told, _ = only_needed(name, facts, known)
        assert revisions(told.story()) == of_plate(spoken, name)


def test_a_revision_that_was_left_out_is_noticed():
    history = [(Pass(10, 0, "1"), 0), (Pass(50, 1, "2"), 0)]
    again = VisitsRestated(2, 3, 1, [RestatedVisit("A1", "exit:2", 1)])
    facts = facts_of(history, (2, again))
    fold, _ = whole(facts)
    plate = fold.state.plates["A1"]
    assert telling("A1", facts).agrees_with(plate)
    assert not telling("A1", [fact for fact in facts if fact.event is not again]).agrees_with(plate)


def test_between_a_cars_coming_and_its_leaving_nothing_is_needed():
    car = [(Pass(10, 0, "in"), 0), (Pass(50, 1, "out"), 0)]
    between = [(Pass(at, way, f"{way}{at}", "C3"), 0) for at in range(11, 50) for way in (0, 1)]
    facts = facts_of([*car, *between])
    told, count = only_needed("A1", facts, taken("A1", facts))
    assert [str(told.visit.outcome) for told in told.story().visits] == ["completed"]
    assert count <= 4


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

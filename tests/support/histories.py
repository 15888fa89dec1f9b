"""Random histories of the log: sightings, decisions, and records that nobody can read."""

import time
from itertools import accumulate

from hypothesis import strategies as st
from parkstream_eventlog import Candidate, Record
from parkstream_eventlog.schema import Letters
from parkstream_events import wire
from parkstream_events.decisions import RecordAcknowledged, WatermarkAdvanced
from parkstream_events.log_schema import LOG_SCHEMA, origin_in
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited, moment_of
from parkstream_events.wire import UnreadableError
from parkstream_visits import Rules

SECOND = 1_000_000
NOW = time.time_ns() // 1_000
"""By when all is recorded."""
START = NOW - 3_600 * SECOND
LONG_AGO = 50 * 86_400 * SECOND
"""Before this nobody remembers ids any more."""

ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
at = st.integers(START - 100 * SECOND, START + 100 * SECOND)
times = (at | at.map(lambda at_us: at_us - LONG_AGO)).map(moment_of)
plates = st.sampled_from(["A1", "b-2", "ÄÖ 3"])
events = st.one_of(
    st.builds(VehicleEntered, ids, plates, times, gate=st.none() | any_text),
    st.builds(VehicleExited, ids, plates, times),
    st.builds(
        WatermarkAdvanced,
        st.sampled_from(Direction),
        st.integers(START, START + 100 * SECOND),
        st.just("silence"),
        st.integers(0, 99),
    ),
    st.builds(RecordAcknowledged, st.integers(1, 12), any_text),
    st.integers(1, 99).map(Rules(max_stay_us=50 * SECOND).changed),
)
spoken = events.map(lambda event: (wire.type_of(event), event.id, wire.encode(event)))
types = st.sampled_from([wire.ENTERED, wire.EXITED, wire.RULES_CHANGED, "vehicle.entered.v99", "news.v1"])
garbled = st.tuples(types, ids, st.binary(max_size=12) | any_text.map(str.encode))
drafts = st.tuples(
    spoken | garbled,
    st.integers(0, 20 * SECOND),
    st.none() | st.integers(0, NOW),
    st.none() | st.just("00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
)


def records_of(drafted, begun_us=START):
    recorded = accumulate((later for _, later, _, _ in drafted), initial=begun_us)
    return [
        Record(position, *what, recorded_at_us, published_at_us, traceparent)
        for position, ((what, _, published_at_us, traceparent), recorded_at_us) in enumerate(
            zip(drafted, list(recorded)[1:], strict=True), 1
        )
    ]


histories = st.lists(
    drafts, max_size=12, unique_by=lambda draft: (Letters(LOG_SCHEMA)[draft[0][0]], draft[0][1])
).flatmap(
    lambda drafted: st.sampled_from([START, START - LONG_AGO]).map(lambda begun_us: records_of(drafted, begun_us))
)


def candidates_of(records):
    """Return the readable sightings as they would come again, with their positions."""
    for record in records:
        try:
            event = wire.decode(record.type, record.body)
        except UnreadableError:
            continue
        if isinstance(event, VehicleEntered | VehicleExited):
            yield record.position, Candidate(record.type, record.id, record.body, *origin_in(event))

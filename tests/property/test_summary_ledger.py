from hypothesis import given
from hypothesis import strategies as st
from parkstream_events.summaries import ItemStatus, Outcome
from parkstream_events.wire import encode
from parkstream_summary_api.core.ledger import NOTHING_INDEXED, Ledger, entries_of, kept_of
from parkstream_summary_api.file_lines import heading_of
from summary_items import item

posted = st.lists(
    st.builds(
        item,
        st.integers(1, 4),
        st.integers(1, 3),
        outcome=st.sampled_from(Outcome),
        position=st.integers(1, 2),
    ),
    max_size=30,
)
cuts = st.lists(st.integers(1, 5), max_size=30)


class Index:
    """What Redis would keep."""

    def __init__(self) -> None:
        self.mark = NOTHING_INDEXED
        self.packed: dict[str, bytes] = {}
        self.counts: dict[str, int] = {}

    def ledger(self) -> Ledger:
        return Ledger({visit: entries_of(packed) for visit, packed in self.packed.items()}, self.mark)

    def commit(self, ledger: Ledger) -> None:
        assert ledger.began == self.mark
        self.mark = ledger.mark
        self.packed |= {visit: ledger.entries(visit) for visit in ledger.changed}
        for name, change in ledger.counts.items():
            self.counts[name] = self.counts.get(name, 0) + change


def chunks(things: list, sizes: list[int]):
    rest = list(things)
    for size in sizes:
        yield rest[:size]
        del rest[:size]
    yield rest


@given(posted, cuts)
def test_batch_borders_never_show(items, sizes):
    whole, cut = Index(), Index()
    ledger = whole.ledger()
    told = [ledger.take(one) for one in items]
    whole.commit(ledger)
    told_in_parts, lines = [], []
    for chunk in chunks(items, sizes):
        part = cut.ledger()
        told_in_parts += [part.take(one) for one in chunk]
        lines += part.lines
        cut.commit(part)
    assert told_in_parts == told
    assert lines == ledger.lines
    assert (cut.mark, cut.packed) == (whole.mark, whole.packed)
    assert cut.counts == {name: count for name, count in whole.counts.items() if name in cut.counts}


@given(posted)
def test_answers_and_counters_are_those_of_a_plain_model(items):
    model: dict[tuple[str, int], bytes] = {}
    index = Index()
    ledger = index.ledger()
    for one in items:
        key, line = (one.visit_id, one.revision), encode(kept_of(one))
        repeated = ItemStatus.DUPLICATE if model.get(key) == line else ItemStatus.CONFLICT
        assert ledger.take(one) is (repeated if key in model else ItemStatus.WRITTEN)
        model.setdefault(key, line)
    index.commit(ledger)
    current = dict(sorted(model))
    outcomes = [heading_of(model[key]).outcome for key in current.items()]
    assert index.counts.get("lines", 0) == len(model)
    assert index.counts.get("visits", 0) == len(current)
    for outcome in Outcome:
        assert index.counts.get(outcome.value, 0) == outcomes.count(outcome)


@given(posted, cuts)
def test_an_index_built_from_the_file_is_the_one_that_grew_with_it(items, sizes):
    grown, built = Index(), Index()
    ledger = grown.ledger()
    for one in items:
        ledger.take(one)
    grown.commit(ledger)
    for chunk in chunks(ledger.lines, sizes):
        part = built.ledger()
        for line in chunk:
            part.found(line[:-1], heading_of(line))
        built.commit(part)
    assert (built.mark, built.packed) == (grown.mark, grown.packed)

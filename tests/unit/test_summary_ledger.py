from parkstream_events.summaries import ItemStatus, Outcome
from parkstream_events.wire import encode
from parkstream_summary_api.core.ledger import NOTHING_INDEXED, Heading, Ledger, Mark, current_of, entries_of, kept_of
from summary_items import item, lines_of


def empty() -> Ledger:
    return Ledger({}, NOTHING_INDEXED)


def known_to(ledger: Ledger, *visits: str):
    return {visit: entries_of(ledger.entries(visit)) for visit in visits}


def test_a_new_summary_becomes_a_line_without_its_trace():
    ledger = empty()
    posted = item(traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01", published_at_us=5)
    assert ledger.take(posted) is ItemStatus.WRITTEN
    [line] = lines_of(b"".join(ledger.lines))
    assert list(line) == list(kept_of(posted).__struct_fields__)
    assert line["visit_id"] == "exit:1"
    assert line["superseded_by"] is None


def test_the_same_summary_again_is_a_duplicate_and_adds_no_line():
    ledger = empty()
    assert [ledger.take(item()), ledger.take(item(published_at_us=9))] == [ItemStatus.WRITTEN, ItemStatus.DUPLICATE]
    assert len(ledger.lines) == 1


def test_the_same_revision_with_another_content_is_a_conflict():
    ledger = empty()
    ledger.take(item())
    assert ledger.take(item(position=2)) is ItemStatus.CONFLICT
    assert len(ledger.lines) == 1


def test_what_the_index_knows_is_as_good_as_what_was_just_taken():
    first = empty()
    first.take(item())
    later = Ledger(known_to(first, "exit:1"), first.mark)
    assert later.take(item()) is ItemStatus.DUPLICATE
    assert later.take(item(vehicle_plate="OTHER")) is ItemStatus.CONFLICT
    assert later.take(item(revision=2)) is ItemStatus.WRITTEN


def test_the_greatest_revision_is_current_in_whatever_order_they_come():
    ledger = empty()
    ledger.take(item(revision=2, outcome=Outcome.RETRACTED))
    ledger.take(item(revision=1, outcome=Outcome.ENTRY_MISSED))
    assert current_of(known_to(ledger, "exit:1")["exit:1"]).revision == 2
    assert {name: count for name, count in ledger.counts.items() if count} == {"lines": 2, "visits": 1, "retracted": 1}


def test_a_correction_moves_the_visit_to_its_new_outcome():
    ledger = empty()
    ledger.take(item(revision=1, outcome=Outcome.ENTRY_MISSED))
    ledger.take(item(revision=2, outcome=Outcome.COMPLETED))
    assert ledger.counts["entry_missed"] == 0
    assert ledger.counts["completed"] == 1
    assert ledger.counts["visits"] == 1


def test_entries_say_where_each_line_starts():
    ledger = empty()
    ledger.take(item(1))
    ledger.take(item(2))
    content = b"".join(ledger.lines)
    [second] = known_to(ledger, "exit:2")["exit:2"]
    assert content[second.offset :] == encode(kept_of(item(2))) + b"\n"
    assert ledger.mark.through_bytes == len(content)


def test_reading_the_file_tells_the_same_as_writing_it():
    written, read = empty(), empty()
    for one in (item(1, position=3), item(2, position=7), item(1, 2, outcome=Outcome.RETRACTED)):
        written.take(one)
        read.found(encode(kept_of(one)), Heading(one.visit_id, one.revision, one.outcome, one.position))
    assert read.mark == written.mark
    assert read.position == written.position == 7
    assert read.counts == written.counts
    assert known_to(read, "exit:1", "exit:2") == known_to(written, "exit:1", "exit:2")


def test_lines_that_somebody_else_wrote_are_counted_and_passed():
    ledger = empty()
    line = encode(kept_of(item()))
    ledger.found(line, Heading("exit:1", 1, Outcome.COMPLETED, 1))
    ledger.found(line, Heading("exit:1", 1, Outcome.COMPLETED, 1))
    ledger.found(b"what is this", None)
    assert (ledger.counts["lines"], ledger.counts["repeated"], ledger.counts["unreadable"]) == (1, 1, 1)
    assert ledger.mark.through_bytes == 2 * (len(line) + 1) + len(b"what is this\n")


def test_a_mark_tells_files_of_the_same_length_apart():
    first, second = empty(), empty()
    first.take(item(1))
    second.take(item(2))
    assert first.mark.through_bytes == second.mark.through_bytes
    assert first.mark != second.mark
    assert isinstance(first.mark, Mark)

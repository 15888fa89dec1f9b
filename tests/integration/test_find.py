"""Finding by whatever a person has: in the projection, the index of ids, the archive, and at last the log itself."""

from pathlib import Path

import pytest
from parkstream_console.search import stories as stories_module
from parkstream_console.search.stories import Progress, Stories
from parkstream_eventlog.archive import Archive, ArchiveIndex, SpanningLog
from parkstream_eventlog.archive.moves import Limit, move_to_archive
from parkstream_projection.opened import Opened
from parkstream_projection.questions import find as find_module
from parkstream_projection.questions.find import Finder
from parkstream_projection.questions.plate_story import Asked
from parkstream_projection.questions.record_names import names_of
from parkstream_visits.plate_visits import ENTRY, EXIT, visit_id_of
from projections import HOUR, SECOND, Mall, now_us, project, sighting

TRACE = f"{7:032x}"
ENTRIES = 10


async def cars(shop: Mall) -> int:
    """Let ten cars in, of which OLD1, the first, leaves, with a trace; return when the first entry was."""
    begin = now_us() - HOUR
    seen = [sighting(ENTRY, f"in-{n}", f"OLD{n}", begin + n * SECOND) for n in range(1, ENTRIES + 1)]
    leaves = sighting(EXIT, "out-1", "OLD1", begin + 60 * SECOND)._replace(traceparent=f"00-{TRACE}-{7:016x}-01")
    await shop.log.append([*seen, leaves])
    return begin


def opened(shop: Mall, folder: Path | None = None) -> Opened:
    log = SpanningLog(shop.log, Archive(folder, shop.keys.mall)) if folder else shop.log
    return Opened(shop.redis, shop.keys, log, shop.outbox, shop.reads)


async def archived(shop: Mall, folder: Path) -> Finder:
    """Archive all but the last record, with an index, and return who finds in both."""
    limit = Limit(1, None, None)
    reached = lambda *_: None  # noqa: E731
    await move_to_archive(
        shop.redis, shop.keys, shop.log, folder, limit, dry_run=False, reached=reached, names=names_of
    )
    return Finder(opened(shop, folder), ArchiveIndex(Archive(folder, shop.keys.mall), names_of))


@pytest.fixture
def forgotten(monkeypatch):
    """Let the index of ids have forgotten everything."""

    async def none(*_, **__):
        return []

    monkeypatch.setattr(find_module, "positions_of", none)


def found(findings):
    return findings.plate, [hit.position for hit in findings.hits]


async def test_what_is_remembered_is_found_without_reading_the_log(shop):
    begin = await cars(shop)
    await project(shop.projector())
    finder = Finder(opened(shop), None)
    exit_visit = visit_id_of(EXIT, "out-1", begin + 60 * SECOND)
    assert found(await finder.quickly("old-1")) == ("OLD1", [])
    assert found(await finder.quickly("in-3")) == (None, [3])
    assert found(await finder.quickly("11")) == (None, [11])
    assert found(await finder.quickly(exit_visit)) == (None, [11])
    assert found(await finder.quickly("exit:out-1")) == (None, [11])
    assert found(await finder.quickly("exit:out-1@5")) == (None, []), "another time is another visit"
    assert found(await finder.quickly("entry:out-1")) == (None, [])
    assert found(await finder.quickly("12")) == (None, [])
    assert (await finder.visit(exit_visit)).plate == "OLD1"


@pytest.mark.usefixtures("forgotten")
async def test_each_kind_of_key_is_found_in_the_archive_by_its_index(shop, tmp_path, monkeypatch):
    begin = await cars(shop)
    await shop.log.append([sighting(ENTRY, "last", "LAST1", now_us())])
    await project(shop.projector())
    await shop.redis.delete(shop.keys.projection(1, "plates"))  # As when all of it is final.
    finder = await archived(shop, tmp_path)
    assert (await shop.log.state()).archived_through == ENTRIES + 1
    monkeypatch.setattr(find_module.Finder, "_read", None)  # The log itself is not read.
    assert found(await finder.quickly("OLD 1")) == ("OLD1", [])
    assert found(await finder.quickly(TRACE.upper())) == (None, [11])
    assert found(await finder.quickly("in-3")) == (None, [3])
    assert found(await finder.quickly("3")) == (None, [3])
    assert found(await finder.quickly("exit:out-1")) == (None, [11])
    nothing = await finder.quickly("none")
    assert found(nothing) == (None, [])
    assert "the archive, up to record 11" in nothing.looked
    exit_visit = visit_id_of(EXIT, "out-1", begin + 60 * SECOND)
    assert (await finder.visit(exit_visit)).plate == "OLD1"
    assert await finder.visit("exit:none@1") is None


@pytest.mark.usefixtures("forgotten")
async def test_an_archive_that_is_not_set_is_named(shop, tmp_path):
    await cars(shop)
    await project(shop.projector())
    await archived(shop, tmp_path)
    (said,) = [one for one in (await Finder(opened(shop), None).quickly("none")).looked if "archive" in one]
    assert said == "not the archive: records up to 10 are there, and it is not set here"


async def test_the_log_is_read_backwards_in_parts_that_can_be_gone_on_with(shop, monkeypatch):
    monkeypatch.setattr(find_module, "READ_MAX", 4)
    monkeypatch.setattr(find_module, "READ_AT_ONCE", 3)
    await cars(shop)
    finder = Finder(opened(shop), None)
    last = await finder.in_log(TRACE)
    assert (found(last), last.read_from) == ((None, [11]), 8)
    assert found(await finder.in_log("in-8")) == (None, [8]), "the last that is read"
    first = await finder.in_log("OLD2")
    assert (found(first), first.read_from) == ((None, []), 8)
    assert first.looked == ["the records 8 to 11 of the log, one by one"]
    middle = await finder.in_log("OLD2", before=8)
    assert (found(middle), middle.read_from) == ((None, []), 4)
    end = await finder.in_log("OLD2", before=4)
    assert (found(end), end.read_from) == (("OLD2", []), None)


async def test_no_more_than_fifty_are_found(shop):
    begin = now_us() - HOUR
    await shop.log.append([sighting(ENTRY, "same", f"CAR{n}", begin + n * SECOND) for n in range(60)])
    finder = Finder(opened(shop), None)
    for findings in (await finder.quickly("same"), await finder.in_log("same")):
        assert [hit.position for hit in findings.hits] == list(range(60, 10, -1))


async def test_a_story_that_needs_the_whole_log_shows_how_far_it_is_read_and_goes_on(shop, monkeypatch):
    begin = await cars(shop)
    await project(shop.projector())
    await shop.redis.delete(shop.keys.projection(1, "plates"))
    stories = Stories(opened(shop))
    monkeypatch.setattr(stories_module, "WAIT_SECONDS", 0.01)
    async with stories.turn:
        assert await stories.story(Asked("OLD1", None)) == Progress(0, ENTRIES + 1, waits=True)
    while isinstance(story := await stories.story(Asked("OLD1", None)), Progress):
        pass
    assert [one.id for one in story.visits] == [visit_id_of(EXIT, "out-1", begin + 60 * SECOND)]
    await shop.log.append([sighting(ENTRY, "again", "OLD1", now_us())])
    while isinstance(story := await stories.story(Asked("OLD1", None)), Progress):
        pass
    assert len(story.visits) == 2, "what was recorded since is in it"
    assert len(story.sightings) == 3, "and nothing twice"
    await stories.close()


async def test_so_many_stories_at_once_are_refused(shop, monkeypatch):
    await cars(shop)
    await project(shop.projector())
    await shop.redis.delete(shop.keys.projection(1, "plates"))
    monkeypatch.setattr(stories_module, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(stories_module, "KEPT_MAX", 2)
    stories = Stories(opened(shop))
    async with stories.turn:
        for plate in ("OLD1", "OLD2", "OLD1"):
            assert isinstance(await stories.story(Asked(plate, None)), Progress)
        with pytest.raises(stories_module.BusyError, match="2 stories are being read"):
            await stories.story(Asked("OLD3", None))
    await stories.close()

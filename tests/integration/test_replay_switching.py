"""Replays of a log that no backend moves: rebuilt, compared, switched, gone back, and what was said is said again."""

import asyncio

import pytest
from parkstream_cli.replay.commands import rebuilt
from parkstream_devtools.otlp.sink import Sink
from parkstream_events import wire
from parkstream_events.summaries import Outcome
from parkstream_projection import LiveVersionError, NoEarlierVersionError, NoVersionError
from parkstream_projection.rebuild import BusyVersionError, Rebuilder
from parkstream_projection.rebuild.run import Wish
from parkstream_projection.rebuild.switch import NeverMetError
from parkstream_telemetry import TelemetryOptions, start
from projections import HOUR, SECOND, Mall, Truth, day_of_traffic, now_us, project, sighting, untimed
from replays import becomes_readable, newer_entry, opened, replayed, source


@pytest.fixture
async def busy(shop: Mall) -> Mall:
    """A mall whose log is projected."""
    await shop.log.append(day_of_traffic(300, now_us() - HOUR))
    await project(shop.projector())
    return shop


@pytest.fixture
async def blind(busy: Mall) -> Mall:
    """One whose live version could not read three entries: one of a visit, one of a car inside, one of another car."""
    at = now_us() - 60 * SECOND
    await busy.log.append([newer_entry("n1", "NEW1", at), sighting(1, "x1", "NEW1", at + SECOND)])
    await busy.log.append([newer_entry("n2", "NEW2", at + 2 * SECOND)])
    await busy.log.append([newer_entry("n3", "NEW3", at + 3 * SECOND), sighting(1, "x3", "NEW3", at + 4 * SECOND)])
    await busy.log.append([sighting(way, f"later-{way}", "LATER", at + 50 * SECOND) for way in (0, 1)])
    await project(busy.projector())
    return busy


def last_of(items, visit_id):
    return max((item for _, item in items if untimed(item.visit_id) == visit_id), key=lambda item: item.revision)


async def test_a_rebuild_of_the_same_program_is_the_live_state_bit_for_bit(busy: Mall):
    emitted = await busy.emitted()
    result = await replayed(busy)
    records = len(await busy.records())
    assert (result.version, result.live, result.events, result.checkpoint) == (2, 1, records, records)
    assert result.hash_equal
    assert result.hash == result.live_hash == (await busy.truth()).hash
    assert (result.differences, result.switched) == (0, False)
    assert await busy.emitted() == emitted
    assert await busy.versions.live() == 1


async def test_a_switch_without_differences_appends_nothing_and_reads_go_on(busy: Mall):
    before = (await busy.log.state()).position
    result = await replayed(busy, switch=True)
    assert result.switched
    assert (await busy.log.state()).position == before
    assert (await busy.versions.live(), await busy.versions.before()) == (2, 1)
    await busy.log.append([sighting(0, "one-more", "NEW", now_us())])
    await project(busy.projector())
    await busy.holds(await busy.truth())


async def test_an_interrupted_replay_continues_where_it_was_and_a_finished_one_is_not_continued(busy: Mall):
    version = await busy.versions.begin()
    half = busy.projector(version=version)
    await half.load()
    await half.step(await busy.log.read(0, 150))
    result = await replayed(busy)
    assert (result.version, result.events) == (version, len(await busy.records()) - 150)
    assert result.hash_equal
    assert (await replayed(busy)).version == version + 1
    assert (await replayed(busy, version=version)).events == 0


async def test_what_cannot_be_rebuilt_is_refused(busy: Mall):
    with pytest.raises(LiveVersionError):
        await replayed(busy, version=1)
    with pytest.raises(NoVersionError):
        await replayed(busy, version=9)
    with pytest.raises(NoEarlierVersionError, match="nothing to go back to"):
        await replayed(busy, rollback=True)


async def test_another_replay_at_work_is_told_apart(busy: Mall):
    version = await busy.versions.begin()
    async with Rebuilder(source(busy), busy.redis, busy.keys, version) as slow:
        await replayed(busy, version=version)
        with pytest.raises(BusyVersionError, match="another replay is at work"):
            await slow.catch_up()


async def test_a_record_that_became_readable_is_a_difference_that_a_switch_refuses(
    blind: Mall, monkeypatch: pytest.MonkeyPatch
):
    assert last_of(await blind.emitted(), "exit:x1").outcome == Outcome.ENTRY_MISSED
    becomes_readable(monkeypatch)
    kept = await blind.kept()
    result = await replayed(blind, switch=True)
    assert (result.hash_equal, result.differences, result.switched) == (False, 2, False)
    examples = [{**one, "visit_id": untimed(one["visit_id"])} for one in result.examples]
    assert {"visit_id": "exit:x1", "shown": "entry_missed #1", "now": "completed #1"} in examples
    assert await blind.versions.live() == 1
    changed = {key for key, value in (await blind.kept()).items() if kept.get(key) != value}
    own = (f"projection:{result.version}:".encode(), b":projections", b":outbox:meta")
    assert [key for key in changed if not any(part in key for part in own)] == []


async def test_delivered_differences_are_said_as_the_next_revision_and_nothing_else_is(
    blind: Mall, monkeypatch: pytest.MonkeyPatch
):
    emitted = await blind.emitted()
    becomes_readable(monkeypatch)
    result = await replayed(blind, switch=True, deliver=True)
    assert result.switched
    end = result.checkpoint
    (record,) = await blind.log.read(end, 10)
    assert record.type == wire.VISITS_RESTATED
    await project(blind.projector())
    after = await blind.emitted()
    assert after[: len(emitted)] == emitted
    said = {
        (untimed(item.visit_id), item.revision, item.outcome.value, item.entry_event_id)
        for _, item in after[len(emitted) :]
    }
    assert said == {("exit:x1", 2, "completed", "n1"), ("exit:x3", 2, "completed", "n3")}
    assert {item.traceparent for _, item in after[len(emitted) :]} == {None}
    assert {car.vehicle_plate for car in (await blind.reads.inside()).items} >= {"NEW2"}
    truth = await blind.truth()
    assert (await blind.reads.state()).state_hash == truth.hash
    again = await replayed(blind)
    assert again.hash_equal
    assert again.live_hash == truth.hash


async def test_visits_that_only_one_version_has_are_taken_back_and_brought_in(
    busy: Mall, monkeypatch: pytest.MonkeyPatch
):
    at = now_us() - 60 * SECOND
    await busy.log.append([sighting(0, "a", "CARA", at), sighting(0, "b", "CARA", at + 10 * SECOND)])
    out_type = "vehicle.exited.v9"
    await busy.log.append([sighting(1, "out", "CARA", at + 5 * SECOND)._replace(type=out_type)])
    await busy.log.append([sighting(1, "far", "FAR", at + 40 * SECOND), sighting(0, "in", "IN", at + 40 * SECOND)])
    await project(busy.projector())
    assert last_of(await busy.emitted(), "entry:a").outcome == Outcome.EXIT_MISSED
    decoder = wire._DECODERS[wire.EXITED]
    monkeypatch.setitem(wire._DECODERS, out_type, decoder)
    assert (await replayed(busy, switch=True, deliver=True)).differences == 2
    await project(busy.projector())
    emitted = await busy.emitted()
    taken_back, brought_in = last_of(emitted, "entry:a"), last_of(emitted, "exit:out")
    assert (taken_back.revision, taken_back.outcome) == (2, Outcome.RETRACTED)
    assert (brought_in.revision, brought_in.outcome, brought_in.entry_event_id) == (2, Outcome.COMPLETED, "a")
    assert (await busy.reads.state()).state_hash == (await busy.truth()).hash


@pytest.mark.parametrize("more", [False, True])
async def test_going_back_restores_the_version_before_with_and_without_new_events(busy: Mall, more: bool):
    await replayed(busy, switch=True)
    if more:
        await busy.log.append([sighting(0, "in", "AGAIN", now_us()), sighting(1, "out", "AGAIN", now_us() + SECOND)])
        await project(busy.projector())
    result = await replayed(busy, rollback=True)
    assert (result.version, result.live, result.events) == (1, 2, 2 if more else 0)
    assert result.hash_equal
    assert result.switched
    assert (await busy.versions.live(), await busy.versions.before()) == (1, 2)
    await busy.holds(await busy.truth())


async def test_going_back_after_differences_says_them_again_too(blind: Mall, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as reading:
        becomes_readable(reading)
        await replayed(blind, switch=True, deliver=True)
        await project(blind.projector())
    refused = await replayed(blind, rollback=True)
    assert (refused.differences, refused.switched) == (2, False)
    result = await replayed(blind, rollback=True, deliver=True)
    assert result.switched
    await project(blind.projector())
    gone_back = last_of(await blind.emitted(), "exit:x1")
    assert (gone_back.revision, gone_back.outcome) == (3, Outcome.ENTRY_MISSED)
    assert (await blind.reads.state()).state_hash == (await blind.truth()).hash


async def test_many_differences_are_said_again_in_records_that_the_log_takes(
    shop: Mall, monkeypatch: pytest.MonkeyPatch
):
    at = now_us() - HOUR
    for n in range(1_200):
        pair = [newer_entry(f"n{n}", f"CAR{n}", at + n), sighting(1, f"x{n}", f"CAR{n}", at + SECOND + n)]
        await shop.log.append(pair)
    await shop.log.append([sighting(way, f"later-{way}", "LATER", at + 60 * SECOND) for way in (0, 1)])
    await project(shop.projector())
    becomes_readable(monkeypatch)
    assert (await replayed(shop, switch=True, deliver=True)).differences == 1_200
    restated = [record for record in await shop.records() if record.type == wire.VISITS_RESTATED]
    assert len(restated) >= 3
    await project(shop.projector())
    emitted = await shop.emitted()
    assert len(emitted) == 2_401
    assert {item.revision for _, item in emitted[1_201:]} == {2}
    assert (await shop.reads.state()).state_hash == Truth(await shop.records()).hash


async def test_differences_wait_for_the_live_version_to_take_in_the_whole_log(
    blind: Mall, monkeypatch: pytest.MonkeyPatch
):
    becomes_readable(monkeypatch)
    await blind.log.append([sighting(0, "unprojected", "CAR", now_us())])
    with pytest.raises(NeverMetError, match="the end of the log"):
        await replayed(blind, switch=True, deliver=True, patience_seconds=1.2)
    assert await blind.versions.live() == 1
    assert not await blind.versions.is_quiet()
    switching = asyncio.create_task(replayed(blind, version=2, switch=True, deliver=True))
    async with asyncio.timeout(240):
        while not await blind.versions.is_quiet():
            assert not switching.done()
            await asyncio.sleep(0.02)
    await project(blind.projector())
    assert (await switching).switched
    assert not await blind.versions.is_quiet()


async def test_a_replay_tells_of_itself_and_links_to_the_traces_it_folds(shop: Mall, monkeypatch: pytest.MonkeyPatch):
    traceparents = [f"00-{n + 1:032x}-{n + 1:016x}-01" for n in range(300)]
    traffic = day_of_traffic(200, now_us() - HOUR)[:300]
    traced = [one._replace(traceparent=trace) for one, trace in zip(traffic, traceparents, strict=True)]
    await shop.log.append(traced)
    await project(shop.projector())
    with Sink() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
        telemetry = start(TelemetryOptions(service="parkstream-cli", plate_hash_key="k", statistics_seconds=0))
        await rebuilt(opened(shop), source(shop), Wish(), telemetry)
        assert await asyncio.to_thread(sink.wait_for, lambda sink: sink.span_count >= 2)  # An end has 3 s for it.
        telemetry.shutdown()
        spans = sink.spans()
    run, part = sorted(spans, key=lambda span: span.name)
    assert (run.name, part.name) == ("replay", "replay records")
    assert run.attributes["parking.replay.hash_equal"] is True
    assert run.attributes["parking.replay.events"] == part.attributes["parking.replay.events"] == 300
    assert part.parent_span_id == run.span_id
    originals = {trace[3:35] for trace in traceparents}
    assert {run.trace_id, part.trace_id} & originals == set()
    linked = {link.trace_id for link in part.links}
    assert linked < originals
    assert 50 < len(linked) <= 100

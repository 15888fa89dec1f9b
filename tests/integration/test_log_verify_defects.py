"""Each defect that verify knows, planted in a real Redis or summary file: found where it is, and nothing else."""

import asyncio

import msgspec
import pytest
from parkstream_cli.log.verify import verify_log
from parkstream_eventlog.id_index import event_field
from parkstream_events import wire
from parkstream_events.decisions import RestatedVisit, VisitsRestated
from parkstream_projection.codec import decode_clock
from parkstream_projection.state_hash import encode
from projections import project
from sound import PARKED, WAITING, Sound, line_of


@pytest.fixture(scope="module")
def template(shared_redis, tmp_path_factory):
    with asyncio.Runner() as runner:

        async def filled():
            mall = Sound(shared_redis.url, "sound", tmp_path_factory.mktemp("sound"))
            await mall.fill()
            await mall.close()

        runner.run(filled())
    return lambda: Sound(shared_redis.url, "sound", tmp_path_factory.getbasetemp() / "sound0")


@pytest.fixture
def verified(template, mall, tmp_path, monkeypatch, capsys):
    """Return a function that plants a defect in a copy of the sound mall, and answers what is found."""

    def verify(plant=None, **more):
        async def planted():
            original = template()
            copy = await original.copy(mall, tmp_path)
            if plant:
                await plant(copy)
            await original.close()
            await copy.close()
            return copy

        copy = asyncio.run(planted())
        monkeypatch.setenv("PARKSTREAM_REDIS_URL", copy.url)
        monkeypatch.setenv("PARKSTREAM_MALL", mall)
        monkeypatch.setenv("PARKSTREAM_SUMMARY_FILE", str(copy.file))
        code = asyncio.run(verify_log(json=True, **more))
        report = msgspec.json.decode(capsys.readouterr().out)
        assert code == (0 if report["ok"] else 1)
        return report

    return verify


def found(report):
    return [(finding["kind"], finding.get("position")) for finding in report["findings"]]


def test_a_sound_mall_has_no_findings(verified):
    report = verified()
    assert found(report) == []
    assert report["ok"]
    assert report["notes"] == ["1 records cannot be read, and the state lists them: parkstream log unreadable"]
    assert report["records"] == report["last"] > 10_000
    assert report["summaries"] > 5_000


async def end_of(mall):
    return (await mall.log.state()).position


async def add_again(mall):
    """Record what is at position 3 once more."""
    ((_, fields),) = await mall.redis.xrange(mall.keys.log, "3-0", "3-0")
    end = await end_of(mall) + 1
    recorded = (await mall.log.state()).recorded_at_us
    await mall.redis.xadd(mall.keys.log, {**fields, b"recorded": recorded}, f"{end}-0")
    await mall.redis.hset(mall.keys.log_meta, mapping={"position": end, "latest:entry": f"{end} {recorded}"})


async def forget_the_unreadable(mall):
    meta = mall.keys.projection(1, "meta")
    clock = decode_clock(await mall.redis.hget(meta, "clock"))
    clock.unreadable = ()
    await mall.redis.hset(meta, "clock", encode(clock))


async def set_index(mall, position, value):
    """Let the index have *value* for the id at *position*; None leaves it out."""
    bucket, field = await mall.id_of(position)
    if value is None:
        await mall.redis.hdel(bucket, field)
    else:
        await mall.redis.hset(bucket, field, value)


async def digest_at(mall, position):
    bucket, field = await mall.id_of(position)
    return (await mall.redis.hget(bucket, field))[:8]


async def point_elsewhere(mall):
    await set_index(mall, 11, await digest_at(mall, 11) + b"9999")


async def add_a_ghost(mall):
    bucket, _ = await mall.id_of(11)
    await mall.redis.hset(bucket, event_field("E", 7, "ghost"), b"digest--11")


async def a_newer_version_that_is_ahead(mall):
    await mall.redis.sadd(mall.keys.projections, 1, 2)
    await mall.redis.hset(mall.keys.projection(2, "meta"), "checkpoint", 10_500)


def xdel(*positions):
    return lambda mall: mall.redis.xdel(mall.keys.log, *(f"{position}-0" for position in positions))


def log_meta(field, value):
    return lambda mall: mall.redis.hset(mall.keys.log_meta, field, value)


def outbox_meta(field, value):
    return lambda mall: mall.redis.hset(mall.keys.outbox_meta, field, value)


async def park_a_ghost(mall):
    _, parked = max((await mall.redis.hgetall(mall.keys.outbox_parked)).items())
    ghost = parked.replace(b'"key":"', b'"key":"ghost-')
    await mall.redis.hset(mall.keys.outbox_parked, "1-0", ghost)
    await mall.redis.hincrby(mall.keys.outbox_meta, "emitted", 1)


async def change_what_is_parked(mall):
    id_, parked = max((await mall.redis.hgetall(mall.keys.outbox_parked)).items())
    await mall.redis.hset(
        mall.keys.outbox_parked, id_, parked.replace(b'"outcome":"completed"', b'"outcome":"retracted"')
    )


END = -1
"""Stands for the position at which the sound log ends."""


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (xdel(5), [("gap", 5)]),
        (xdel(1), [("gap", 1)]),
        (xdel(5, 6, 7, 5_000), [("gap", 5), ("gap", 5_000)]),
        (lambda mall: mall.rewrite(30, recorded="1"), [("recorded_time_goes_back", 30)]),
        (lambda mall: mall.rewrite(40, recorded="soon"), [("entry_unreadable", 40)]),
        (lambda mall: mall.insert("50-1"), [("entry_between", 50)]),
        (lambda mall: mall.redis.xadd(mall.keys.log, {"no": "record"}, "900000-0"), [("length", END)]),
        (log_meta("archived_through", 4), [("length", END)]),
        (log_meta("latest:entry", "4 1"), [("last_position", 10_259)]),
        (log_meta("recorded_at_us", 4), [("last_recorded", END)]),
        (log_meta("importing", "mark"), [("import_unfinished", END)]),
        (add_again, [("id_not_unique", END)]),
        (lambda mall: set_index(mall, 11, None), [("index_missing", 11)]),
        (lambda mall: set_index(mall, 11, b"--------11"), [("index_digest", 11)]),
        (point_elsewhere, [("index_position", 11)]),
        (lambda mall: set_index(mall, 11, b"?"), [("index_position", 11)]),
        (add_a_ghost, [("index_extra", 11)]),
        (forget_the_unreadable, [("unreadable", 21)]),
    ],
)
def test_a_defect_of_the_log_is_found_where_it_is(verified, plant, expected):
    report = verified(plant)
    assert found(report) == [(kind, report["last"] if at == END else at) for kind, at in expected]


def test_records_missing_at_the_end_are_one_finding(verified):
    async def cut(mall):
        end = await end_of(mall)
        await mall.redis.xdel(mall.keys.log, f"{end}-0", f"{end - 1}-0")

    report = verified(cut)
    assert found(report) == [("gap", report["last"] - 1)]


def test_ids_that_a_backend_keeps_for_fewer_days_are_not_missed(verified):
    async def forget_the_first_day(mall):
        bucket, _ = await mall.id_of(1)
        await mall.redis.delete(bucket)
        await mall.redis.hset(mall.keys.log_meta, "ids_from_day", int(bucket.rpartition(":")[2]) + 1)

    assert found(verified(forget_the_first_day)) == []


def test_all_findings_are_counted_and_the_first_are_listed(verified):
    async def forget_all_ids(mall):
        buckets = {(await mall.id_of(position))[0] for position in (1, 10_000)}  # Midnight may be between them.
        await mall.redis.delete(*buckets)

    report = verified(forget_all_ids, most=5)
    assert [kind for kind, _ in found(report)] == ["index_missing"] * 5
    assert report["by_kind"] == {"index_missing": report["total"]}
    assert report["total"] > 1_000


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (
            lambda mall: mall.redis.hset(mall.keys.projection(1, "meta"), "checkpoint", 10_500),
            [("checkpoint_ahead", 10_500)],
        ),
        (a_newer_version_that_is_ahead, [("checkpoint_ahead", 10_500), ("hash_missing", 10_000)]),
        (lambda mall: mall.redis.hdel(mall.keys.projection(1, "hashes"), 10_000), [("hash_missing", 10_000)]),
        (lambda mall: mall.redis.hincrby(mall.keys.outbox_meta, "emitted", 1), [("summaries_unaccounted", END)]),
        (lambda mall: mall.redis.hincrby(mall.keys.outbox_meta, "delivered", -1), [("summaries_unaccounted", END)]),
        (outbox_meta("emitted_through", 10_500), [("emitted_ahead", 10_500)]),
        (outbox_meta("emitted_through", 10), [("outbox_ahead", 10_271)]),
        (park_a_ghost, [("waiting_extra", 10_275)]),
        (change_what_is_parked, [("waiting_differs", 10_275)]),
    ],
)
def test_a_defect_of_projections_and_outbox_is_found(verified, plant, expected):
    report = verified(plant)
    assert found(report) == [(kind, report["last"] if at == END else at) for kind, at in expected]


@pytest.fixture
def changed(verified):
    """Return a function that changes the lines of a sound summary file, and answers what is found."""

    def change(how):
        async def plant(mall):
            lines = mall.file.read_bytes().splitlines(keepends=True)
            mall.file.write_bytes(b"".join(how(lines)))

        return found(verified(plant))

    return change


def position_in(line):
    return msgspec.json.decode(line)["position"]


def edited(line, **fields):
    return msgspec.json.encode({**msgspec.json.decode(line), **fields}) + b"\n"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (lambda lines: [*lines[:4], *lines[5:]], "summary_missing"),
        (lambda lines: [*lines, lines[4]], "summary_repeated"),
        (lambda lines: [*lines, edited(lines[4], visit_id="ghost")], "summary_extra"),
        (lambda lines: [*lines[:4], edited(lines[4], vehicle_plate="OTHER"), *lines[5:]], "summary_differs"),
        (lambda lines: [*lines[:4], edited(lines[4], position=9_999), *lines[5:]], "summary_differs"),
    ],
)
def test_a_defect_of_the_summary_file_is_found(changed, how, expected):
    where = []

    def noted(lines):
        where.append(position_in(lines[4]))
        return how(lines)

    assert changed(noted) == [(expected, *where)]


def test_a_torn_line_is_found_and_the_summary_that_is_missing(changed):
    assert changed(lambda lines: [*lines[:4], lines[4][:20] + b"\n", *lines[5:]])[0] == ("summary_unreadable", None)


def test_a_line_that_is_being_written_and_any_order_are_fine(changed):
    assert changed(lambda lines: [*reversed(lines), lines[0][:20]]) == []


def test_what_waits_or_is_parked_may_be_in_the_file(verified):
    async def written_but_not_settled(mall):
        items = [item for _, item in await mall.emitted()]
        assert len(items) == WAITING
        with mall.file.open("ab") as file:
            file.writelines(wire.encode(line_of(item)) + b"\n" for item in items)

    assert found(verified(written_but_not_settled)) == []


def test_what_another_version_has_said_is_not_compared(verified):
    async def switch(mall):
        lines = mall.file.read_bytes().splitlines(keepends=True)
        end, visit = await end_of(mall), msgspec.json.decode(lines[4])
        named = RestatedVisit(visit["vehicle_plate"], visit["visit_id"], visit["revision"])
        restated = VisitsRestated(2, end, 1, [named])
        await mall.log.decide(wire.type_of(restated), restated.id, wire.encode(restated), unless_after=None)
        await project(mall.projector())
        lines[4] = edited(lines[4], outcome="exit_missed")
        mall.file.write_bytes(b"".join(lines))

    report = verified(switch)
    assert found(report) == []
    note = f"summaries up to position {report['last'] - 1} were emitted by an earlier version of the projection"
    assert any(one.startswith(note) for one in report["notes"])


def test_what_this_version_says_again_is_compared(verified):
    async def switch_and_lose(mall):
        end, (line, *_) = await end_of(mall), mall.file.read_bytes().splitlines()
        visit = msgspec.json.decode(line)
        restated = VisitsRestated(2, end, 1, [RestatedVisit(visit["vehicle_plate"], visit["visit_id"], 1)])
        await mall.log.decide(wire.type_of(restated), restated.id, wire.encode(restated), unless_after=None)
        await project(mall.projector())
        last, _ = (await mall.emitted())[-1]
        await mall.outbox.settle([last])

    report = verified(switch_and_lose)
    assert found(report) == [("summary_missing", report["last"])]


def test_what_is_redriven_is_accounted_for(verified):
    async def redrive(mall):
        assert await mall.outbox.redrive() == PARKED

    assert found(verified(redrive)) == []

"""What consumers report is kept as long as it says something."""

from parkstream_backend.record.consumer_reports import ConsumerReports, Report
from parkstream_events.keys import BackendKeys, Database
from parkstream_events.topology import ENTRIES_QUEUE
from parkstream_events.units import DAY_US
from parkstream_service.redis import connect


async def test_one_that_leaves_is_known_until_it_has_left_and_one_that_was_killed_for_a_day(redis_url, mall):
    async with connect(redis_url, Database.BACKEND) as redis:
        reports = ConsumerReports(redis, BackendKeys(mall))
        now_us = await reports.now_us()
        consumes, leaves = Report(now_us, now_us), Report(now_us - 2 * DAY_US, 0, now_us)
        killed = Report(now_us - 2 * DAY_US, now_us - DAY_US - 1)
        for name, report in {"consumes": consumes, "leaves": leaves, "killed": killed}.items():
            await reports.put(ENTRIES_QUEUE, name, report)
        assert sorted(await reports.of(ENTRIES_QUEUE)) == sorted([consumes, leaves, killed])
        assert sorted(await reports.of(ENTRIES_QUEUE)) == sorted([consumes, leaves])
        await reports.remove(ENTRIES_QUEUE, "leaves")
        assert await reports.of(ENTRIES_QUEUE) == [consumes]

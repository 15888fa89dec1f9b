"""What is to be found about the replicas of a Redis, and about the Sentinels that watch it."""

from typing import Any, Final

from parkstream_eventlog import WeakDurabilityError
from parkstream_eventlog.durability import check_left_alone, replicas_in_step
from parkstream_service.redis.sentinels import Watched
from redis.asyncio import Redis
from redis.exceptions import RedisError

from parkstream_operations.findings import Finding, note, ok, version_of, wrong

WAITS_FOR_DISKS: Final = (7, 2)
"""The first version that can wait until a replica has something on disk."""
WAIT_FOR_THEM: Final = "set PARKSTREAM_REDIS_REPLICAS_MIN=1 for the backends"


async def of_replicas(redis: Redis, minimum: int) -> list[Finding]:
    """Return what a look at the replicas of *redis* finds; backends wait for *minimum* of them."""
    in_step = await replicas_in_step(redis)
    if not minimum:
        lost = f"{in_step} follow, and no backend waits for them: what was acknowledged may be lost with the primary"
        return [note("replicas", lost, WAIT_FOR_THEM)] if in_step else []
    if in_step < minimum:
        found = f"{in_step} follow, and backends wait for {minimum}: nothing is acknowledged"
        return [wrong("replicas", found, "start those that are away; INFO replication, and their logs, name them")]
    try:
        await check_left_alone(redis)
    except WeakDurabilityError as error:
        return [wrong("replicas", "a primary that is cut off would go on", "; ".join(error.problems))]
    untyped: Any = redis
    if version_of((await untyped.info("server"))["redis_version"]) < WAITS_FOR_DISKS:
        found = f"{in_step} follow; this Redis can say that one has a record in memory, not that it is on its disk"
        return [note("replicas", found, "use Redis 7.2 or later, or see that not all lose their power at once")]
    return [ok("replicas", f"{in_step} follow, and backends wait for {minimum}")]


async def of_sentinels(url: str) -> list[Finding]:
    """Return what the Sentinels at *url* say, if it names some."""
    watched = Watched.at(url)
    if watched is None:
        return []
    asked: Any = watched.asked("parkstream-doctor")
    try:
        answers = {
            where: await _quorum(one, watched.name)
            for where, one in zip(watched.sentinels, list(asked.sentinels), strict=True)
        }
    finally:
        await asked.aclose()
    silent = [f"{host}:{port}: {answer}" for (host, port), answer in answers.items() if answer]
    if not silent:
        return [ok("Sentinels", f"all {len(answers)} answer, and can make another Redis the primary")]
    judge = wrong if len(silent) > len(answers) // 2 else note
    return [judge("Sentinels", "; ".join(silent), f"start them, and see SENTINEL CKQUORUM {watched.name}")]


async def _quorum(sentinel: Any, name: str) -> str:  # noqa: ANN401 - redis-py's
    """Return why *sentinel* cannot have the primary *name* replaced; "" when it can."""
    try:
        await sentinel.execute_command("SENTINEL CKQUORUM", name)
    except (RedisError, OSError) as error:
        return str(error)
    return ""

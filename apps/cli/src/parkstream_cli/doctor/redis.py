"""Is Redis there, does it keep what it acknowledges, and is the log as long as it must be."""

from pathlib import Path

import msgspec
from parkstream_devtools.redis_functions import LIBRARIES
from parkstream_eventlog import RedisReader
from parkstream_events.keys import BackendKeys
from parkstream_operations.findings import Finding, wrong
from parkstream_operations.log_findings import long_enough, of_archive, of_state
from parkstream_operations.redis_findings import of_redis
from parkstream_operations.replica_findings import of_replicas, of_sentinels
from parkstream_service.redis import LibraryMissingError, connect
from parkstream_service.settings import hosts_of
from parkstream_service.unreachable import reason
from redis.exceptions import RedisError


class _Placed(msgspec.Struct):
    position: int


async def examine(  # noqa: PLR0913 - where to look, and what is known from elsewhere
    url: str,
    mall: str,
    summary_file: Path,
    summaries_position: int | None,
    archive_dir: str | None = None,
    *,
    replicas_min: int = 0,
) -> list[Finding]:
    """Look at the Redis at *url* and at the log of *mall*; *summaries_position*: what the summary API knows, if any."""
    try:
        redis = connect(url)
    except ValueError as error:
        return [wrong("Redis", str(error), "set PARKSTREAM_REDIS_URL")]
    # The log is asked last: while it grows, whatever was made of it is behind it.
    implied = {"the summary file": last_position(summary_file), "the summary API": summaries_position}
    findings = await of_sentinels(url)
    try:
        findings += await of_redis(redis, LIBRARIES)
        findings += await of_replicas(redis, replicas_min)
        state = await RedisReader(redis, BackendKeys(mall)).state()
        findings += of_state(state)
    except LibraryMissingError:
        return findings
    except (RedisError, OSError) as error:
        return [
            *findings,
            wrong("Redis", f"{hosts_of(url)}: {reason(error)}", "start Redis, or set PARKSTREAM_REDIS_URL"),
        ]
    finally:
        await redis.aclose()
    findings += [long_enough(state, what, position) for what, position in implied.items() if position]
    return [*findings, *of_archive(state, archive_dir, mall)]


def last_position(summary_file: Path) -> int | None:
    """Return the greatest position in *summary_file*, or nothing when it is not on this machine."""
    if not summary_file.is_file():
        return None
    decode = msgspec.json.Decoder(_Placed).decode
    greatest = 0
    with summary_file.open("rb") as lines:
        for line in lines:
            try:
                greatest = max(greatest, decode(line).position)
            except msgspec.DecodeError:
                continue  # A torn or foreign line places nothing; the summary API counts them.
    return greatest

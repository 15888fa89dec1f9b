"""``parkstream log adopt``: a person says that the log in Redis is the right one from now on."""

import time
from typing import Annotated, Final
from uuid import uuid4

from cyclopts import Parameter
from msgspec import Struct
from msgspec.structs import replace
from parkstream_eventlog import LogShorterError, OtherLogError
from parkstream_eventlog.errors import MOVED
from parkstream_eventlog.extent import Extent, check_extent, extent_of
from parkstream_eventlog.functions import LOG
from parkstream_events.keys import BackendKeys
from parkstream_events.marks import Mark
from parkstream_messaging.mark_stream import MarkStream, MarkUnreachableError
from parkstream_operations.written_log import NOT_HERE
from parkstream_service.redis import Functions, connect
from redis.exceptions import RedisError

from parkstream_cli.connections import client_of, settings_here, unreachable
from parkstream_cli.errors import ToolError
from parkstream_cli.output import AsJson, as_json, line

FIRST: Final = "there is no mark yet: the first backend that starts takes the log that is there"


class Adoption(Struct, frozen=True, kw_only=True):
    """What adopting the log in Redis does, or did."""

    adopted: bool
    log_id: str
    """Of the log from now on; as it is while nothing was adopted."""
    position: int
    """Where the log in Redis ends."""
    lost_log_id: str
    lost_after: int
    """Records of the log before after this position are abandoned, up to ``lost_through``."""
    lost_through: int


async def adopt(
    *,
    yes: Annotated[bool, Parameter(help="Do it; else only print what would be done.", negative="")] = False,
    json: AsJson = False,
) -> int:
    """Make the log in Redis the right one, and abandon what the mark knows beyond it. Only when it cannot be restored.

    The log gets a new id, the mark names it, and the summary API begins a new file (the old one is kept beside it).
    Backends may run: they go on within seconds. Then emit what the new file lacks: parkstream outbox emit-missing.
    """
    settings = settings_here()
    client_of(settings)  # Raises for an address that asks for what no client can.
    marks = MarkStream(settings.rabbitmq_url)
    try:
        await marks.follow()
        done = await _adopted(settings.redis_url, settings.mall, marks, yes=yes)
    except MarkUnreachableError as error:
        raise ToolError(str(error)) from error
    finally:
        await marks.close()
    if json:
        as_json(done)
    else:
        _show(done)
    return 0 if done.adopted or not done.lost_log_id else 1


async def _adopted(redis_url: str, mall: str, marks: MarkStream, *, yes: bool) -> Adoption:
    redis = connect(redis_url, name="parkstream-cli")
    functions, keys = Functions(redis, LOG), BackendKeys(mall)
    try:
        found = await extent_of(functions.execute, keys)
        mark = _abandoned(marks.newest, found, mall)
        if mark is None or not yes:
            return _adoption(mark, found)
        new = Mark(
            mall=mall,
            log_id=uuid4().hex,
            position=found.position,
            since_us=max(time.time_ns() // 1_000, mark.since_us + 1),
        )
        await marks.renew(new)  # First: until Redis has the id, too, nobody writes; to adopt again ends that.
        await functions.call("adopt", (keys.log, keys.log_meta), (found.log_id, new.log_id))
    except RedisError as error:
        raise unreachable(redis_url, str(error), "PARKSTREAM_REDIS_URL") from error
    finally:
        await redis.aclose()
    return replace(_adoption(mark, found), adopted=True, log_id=new.log_id)


def _abandoned(mark: Mark | None, found: Extent, mall: str) -> Mark | None:
    """Return the mark that does not fit what was *found*; None when it fits."""
    if mark is None:
        raise ToolError(FIRST)
    if mark.mall != mall:
        message = f"this RabbitMQ keeps the mark of the mall {mark.mall!r}, not of {mall!r}: set PARKSTREAM_MALL"
        raise ToolError(message)
    if mark.closed:
        raise ToolError(NOT_HERE)
    if found.log_id.startswith(MOVED):
        message = "the log was moved to another Redis, which has more of it: see parkstream cells move --help"
        raise ToolError(message)
    try:
        check_extent(found, Extent(mark.log_id, mark.position))
    except (OtherLogError, LogShorterError):
        return mark
    return None


def _adoption(mark: Mark | None, found: Extent) -> Adoption:
    return Adoption(
        adopted=False,
        log_id=found.log_id,
        position=found.position,
        lost_log_id=mark.log_id if mark else "",
        lost_after=found.position if mark and mark.log_id == found.log_id else 0,
        lost_through=max(mark.position, found.position) if mark else 0,
    )


def _show(done: Adoption) -> None:
    if not done.lost_log_id:
        line(f"nothing to adopt: Redis holds the log {done.log_id} that the mark names, up to position {done.position}")
        return
    log = f"the log in Redis ({done.log_id or 'none yet'}, up to position {done.position})"
    abandoned = (
        f"records after position {done.lost_after} of the log {done.lost_log_id}, which reached {done.lost_through}"
    )
    if done.adopted:
        line(f"adopted {log}; abandoned: {abandoned}")
        line("backends go on with it; a new summary file begins with their next summary, the old one is kept beside it")
        line("then: parkstream outbox emit-missing")
        return
    line(f"would adopt {log}")
    line(f"would abandon {abandoned}: restore Redis' append-only file instead if there is any copy of it")
    line("do it with --yes: the log gets a new id, and a new summary file is begun")

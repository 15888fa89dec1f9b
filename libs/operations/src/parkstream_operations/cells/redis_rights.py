"""Brings a mall's users and rights into a Redis, and into its replicas: users are not replicated."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from parkstream_service.redis import connect, urls_of_replicated
from parkstream_service.settings import hosts_of
from parkstream_service.unreachable import reason
from redis.exceptions import RedisError, ResponseError

NAME: Final = "parkstream-cells"
CHANGES: Final = ("there", "changed", "would be set", "made", "would be made")
"""What became of a user, from the least that was done on."""
AWAY: Final = "the replica {} has not got these users: {}: run this again when it is back, before a failover"
UNSAVED: Final = "Redis has no aclfile, so these users end with it: put redis_users.acl into one, or into redis.conf"


async def bring(url: str, wanted: Mapping[str, Sequence[str]], *, dry_run: bool) -> tuple[list[tuple[str, str]], str]:
    """Let the Redis at *url* have the users that are *wanted*; *url* names who may do that.

    Returns each user with what became of it, and what a restart or a failover would lose; raises what Redis raises.
    """
    primary, *replicas = await urls_of_replicated(url, NAME)
    did, unsaved = await _bring(primary, wanted, dry_run=dry_run)
    problems = [unsaved]
    for replica in replicas:
        try:
            there, unsaved = await _bring(replica, wanted, dry_run=dry_run)
        except (RedisError, OSError) as error:
            problems.append(AWAY.format(hosts_of(replica), reason(error)))
        else:
            problems.append(unsaved)
            did = [max(both, key=lambda one: CHANGES.index(one[1])) for both in zip(did, there, strict=True)]
    return did, "; ".join(dict.fromkeys(filter(None, problems)))


async def _bring(url: str, wanted: Mapping[str, Sequence[str]], *, dry_run: bool) -> tuple[list[tuple[str, str]], str]:
    untyped: Any = connect(url, name=NAME)
    try:
        before = await _lines(untyped)
        if dry_run:
            return [(user, "would be set" if user in before else "would be made") for user in wanted], ""
        for user, rules in wanted.items():
            await untyped.execute_command("ACL", "SETUSER", user, *rules)
        after = await _lines(untyped)
        did = [(user, _state(before.get(user), after[user])) for user in wanted]
        return did, await _saved(untyped)
    finally:
        await untyped.aclose()


def _state(before: str | None, after: str) -> str:
    return "made" if before is None else "there" if before == after else "changed"


async def _lines(untyped: Any) -> dict[str, str]:  # noqa: ANN401 - redis-py's answers are not typed
    lines: list[bytes | str] = await untyped.execute_command("ACL", "LIST")
    texts = [line.decode() if isinstance(line, bytes) else line for line in lines]
    return {text.split(" ")[1]: text for text in texts}


async def _saved(untyped: Any) -> str:  # noqa: ANN401 - redis-py's answers are not typed
    try:
        await untyped.execute_command("ACL", "SAVE")
    except ResponseError as error:
        return f"{UNSAVED} ({error})"
    return ""

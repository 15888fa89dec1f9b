"""Every command that a Redis knows, tried for every user of the containers without being done."""

import pytest
from guarded_servers import secrets_in
from redis import Redis

PREFIX = {"entry_generator": "entry-generator", "exit_generator": "exit-generator", "summary_api": "summary-api"}
"""Whose keys a user has who has not the backend's."""
GRAVE = ("admin", "dangerous", "pubsub", "scripting", "connection")
TO_ALL = {"auth", "hello", "quit", "reset", "ping"}
ASKS = {"select", "role", "client|setname", "function|list", "fcall"}
WAITS = {"wait", "waitaof"}
WORKS_ON_THE_LOG = ASKS | {"fcall_ro", "info", "config|get"}
MAY = {
    "health": set(),
    "collector": {"client|setname", "info"},
    "loader": {"client|setname", "role", "function|list", "function|load", "function|kill", "script|kill"},
    "entry_generator": ASKS | WAITS,
    "exit_generator": ASKS | WAITS,
    "summary_api": ASKS,
    "backend": WORKS_ON_THE_LOG | WAITS,
    "console": WORKS_ON_THE_LOG,
    "cli": WORKS_ON_THE_LOG | {"bgrewriteaof", "client|pause", "client|unpause"},
}
"""What is grave of what each may do."""


@pytest.fixture
def users(redis_server, tmp_path):
    """A Redis that knows the users, to somebody who may ask about them."""
    with Redis.from_url(redis_server.url, decode_responses=True, protocol=3) as redis:
        redis.response_callbacks.clear()
        for line in (secrets_in(tmp_path) / "redis_users.acl").read_text().splitlines():
            if not line.startswith("user default"):
                redis.execute_command("ACL", "SETUSER", *line.split()[1:])
        yield redis


def commands(redis):
    """Return each command and subcommand with how many words it has at least."""
    for command in redis.execute_command("COMMAND"):
        for name, words, *_ in (command, *command[9]):
            yield name, abs(words)


def may(redis, user, name, words):
    """Whether *user* may do it: with keys that are its own."""
    parts = name.split("|")
    own = f"parkstream:{PREFIX.get(user, 'backend')}:x"
    return any(
        redis.execute_command("ACL", "DRYRUN", user, *parts, *[filling] * (words - len(parts))) == "OK"
        for filling in ("1", own)
    )


def test_what_is_grave_is_done_by_whom_it_needs(users):
    grave = {name for category in GRAVE for name in users.execute_command("ACL", "CAT", category)}
    found = {
        user: {name for name, words in commands(users) if name in grave and may(users, user, name, words)} - TO_ALL
        for user in MAY
    }
    assert len(grave) > 100
    assert found == {user: named & grave | (named - {"waitaof"}) for user, named in MAY.items()}  # As of Redis 7.2.


def test_a_user_reaches_the_keys_of_its_service_and_no_channel(users):
    reached = {user: users.execute_command("ACL", "GETUSER", user) for user in MAY}
    own = {
        user: f"~parkstream:{PREFIX.get(user, 'backend')}:*" for user in MAY.keys() - {"collector", "health", "loader"}
    }
    assert {user: one["keys"] for user, one in reached.items() if one["keys"]} == own
    assert {one["channels"] for one in reached.values()} == {""}

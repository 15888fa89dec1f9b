"""Whenever days of the index expire, or all of it is lost: what is answered is what a plain model says."""

from datetime import timedelta
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from summary_client import Client, environ, eventually
from summary_items import NINE, item

numbers = count()
posts = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(1, 2)), min_size=1, max_size=6)
steps = st.lists(posts | st.sampled_from(["expire", "lose"]), max_size=8)


class Server(NamedTuple):
    client: Client
    redis: Redis
    prefix: str


@pytest.fixture(scope="module")
def server(sandbox, shared_redis, tmp_path_factory):
    told = environ(tmp_path_factory.mktemp("days") / "summaries.jsonl", shared_redis.url, "days")
    process = sandbox.service("parkstream_summary_api", told)
    process.wait_ready()
    with Redis.from_url(shared_redis.url, db=3) as redis:
        yield Server(Client(process.port), redis, "parkstream:summary-api:{days}:index:")


def summary(example: int, visit: int, revision: int, position: int):
    """Return one of six visits of three days."""
    day = NINE - timedelta(days=100 + visit % 3)
    return item(f"{example}-{visit}@{int(day.timestamp()) * 1_000_000}", revision, position=position)


@settings(max_examples=40)
@given(steps)
def test_answers_are_those_of_a_model_whatever_expires(server, taken):
    example, model = next(numbers), dict[tuple[str, int], int]()
    for step in taken:
        if isinstance(step, str):
            kept = [key for key in server.redis.scan_iter(f"{server.prefix}*") if key[-1:].isdigit()]
            gone = kept if step == "expire" else [server.prefix + "mark"]
            server.redis.delete(*gone, server.prefix + "none")
            continue
        expected = []
        items = [summary(example, *one) for one in step]
        for one in items:
            key = (one.visit_id, one.revision)
            repeated = "duplicate" if model.get(key) == one.position else "conflict"
            expected.append(repeated if key in model else "written")
            model.setdefault(key, one.position)
        assert server.client.post(*items) == expected
    for visit_id in {visit_id for visit_id, _ in model}:
        current = max(revision for known, revision in model if known == visit_id)
        eventually(
            lambda visit_id=visit_id: server.client.visit(visit_id).status == 200
        )  # 503 while it is built again.
        assert server.client.visit(visit_id).json["revision"] == current

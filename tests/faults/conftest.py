"""What fault tests of a pipeline on the shared servers begin with."""

from collections.abc import AsyncIterator

import pytest
from pipeline import Pipeline
from projections import Mall


@pytest.fixture
async def shop(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    """The mall's log and projection in the shared Redis."""
    shop = Mall(redis_url, mall)
    yield shop
    await shop.close()


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    """A pipeline of which nothing runs yet; tests that hurt servers have one of their own."""
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)

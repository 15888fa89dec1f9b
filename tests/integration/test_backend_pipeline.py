import pytest
from pipeline import Pipeline
from pipeline_traffic import Cars


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


async def test_every_exit_becomes_one_visit_on_disk(pipeline: Pipeline):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(500)
    state = await pipeline.balances(cars.traffic)
    assert state["inside"] == 0

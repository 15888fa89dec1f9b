"""The engine's projection of any domain is what a plain fold of the whole log gives."""

import pytest
from parkstream_events import wire
from parkstream_projection.memory_fold import fold_log
from parkstream_projection.visits import VISITS
from parkstream_visits import Rules
from projections import HOUR, Mall, day_of_traffic, now_us, project


@pytest.fixture
async def shop(redis_url: str, mall: str):
    shop = Mall(redis_url, mall)
    yield shop
    await shop.close()


async def test_a_log_folded_in_memory_has_the_hash_of_the_live_projection(shop: Mall):
    changed = Rules(allowed_lateness_us=0).changed(0)
    await shop.log.decide(wire.RULES_CHANGED, changed.id, wire.encode(changed), unless_after=None)
    await shop.log.append(day_of_traffic(200, now_us() - 9 * 24 * HOUR))
    await shop.log.append(day_of_traffic(200, now_us() - HOUR)[50:])
    projector = shop.projector()
    await project(projector, 37)
    folded = await fold_log(shop.log, VISITS)
    assert (folded.position, folded.state_hash) == (projector.checkpoint, projector.state_hash)
    assert len(folded.revisions) == (await shop.reads.state()).counters["emitted"]
    earlier = await fold_log(shop.log, VISITS, 100)
    assert earlier.state_hash != folded.state_hash

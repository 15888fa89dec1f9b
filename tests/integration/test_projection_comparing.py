"""Two versions are compared while both move on, and what is found is proven to be all."""

from collections.abc import AsyncIterator

import pytest
from parkstream_projection import Compared, Comparison
from projections import HOUR, SECOND, Mall, day_of_traffic, now_us, project, sighting, untimed


@pytest.fixture
async def shop(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    shop = Mall(redis_url, mall)
    await shop.log.append(day_of_traffic(50, now_us() - HOUR))
    await project(shop.projector())
    yield shop
    await shop.close()


async def differs_in(shop: Mall, version: int, *unread: str) -> None:
    """Bring *version* up to the live one, as a program would that cannot read the records *unread*."""
    projector = shop.projector(version=version)
    checkpoint = await projector.load()
    records = await shop.log.read(checkpoint, 1_000)
    await projector.step(
        [record._replace(type="vehicle.flew.v1") if record.id in unread else record for record in records]
    )


async def missed(shop: Mall, number: int) -> str:
    """Append an exit without an entry, which is said; return its id."""
    at = now_us() - 60 * SECOND + number
    await shop.log.append([sighting(1, f"out-of-{number}", f"NEW{number}", at)])
    later = [sighting(way, f"later-{way}-{number}", f"LATER{number}", at + 30 * SECOND) for way in (0, 1)]
    await shop.log.append(later)
    await project(shop.projector())
    return f"out-of-{number}"


async def found(comparison: Comparison) -> Compared:
    """Look as often as it takes: twice, when others differ than those that did before."""
    return await comparison.at_one_checkpoint() or await comparison.at_one_checkpoint()  # type: ignore[return-value]


async def test_versions_at_different_checkpoints_are_not_compared(shop: Mall):
    version = await shop.versions.begin()
    assert await Comparison(shop.redis, shop.keys, 1, version).at_one_checkpoint() is None


async def test_what_begins_to_differ_after_the_first_look_is_found_though_nobody_told_of_it(shop: Mall):
    version = await shop.versions.begin()
    first = await missed(shop, 1)
    await differs_in(shop, version, first)
    comparison = Comparison(shop.redis, shop.keys, 1, version)
    assert {untimed(one.visit_id) for one in (await found(comparison)).differences} == {"exit:out-of-1"}
    second = await missed(shop, 2)
    await differs_in(shop, version, second)
    assert await comparison.at_one_checkpoint() is None, "what is known to differ does not explain the hashes"
    both = await found(comparison)
    assert {untimed(one.visit_id) for one in both.differences} == {"exit:out-of-1", "exit:out-of-2"}
    assert both.hash != both.shown_hash


async def test_what_is_told_to_have_changed_is_looked_at_without_looking_at_all(shop: Mall):
    version = await shop.versions.begin()
    await differs_in(shop, version)
    comparison = Comparison(shop.redis, shop.keys, 1, version)
    assert (await found(comparison)).differences == []
    await differs_in(shop, version, await missed(shop, 3))
    comparison.touched(["NEW3", "LATER3"])
    compared = await comparison.at_one_checkpoint()
    assert compared is not None
    assert [(one.plate, one.now) for one in compared.differences] == [("NEW3", None)]

"""Whether replicas of Redis follow, and a primary that has lost them takes no write."""

from parkstream_eventlog.durability import check_left_alone, replicas_in_step
from parkstream_telemetry import Telemetry, names
from redis.asyncio import Redis


class ReplicaGuard:
    """Looks at the replicas of *redis*, of which *minimum* have to have what is acknowledged; at none when it is 0."""

    def __init__(self, redis: Redis, minimum: int, telemetry: Telemetry) -> None:
        self._redis = redis
        self._minimum = minimum
        self.in_step = 0
        """How many follow, by the last look."""
        telemetry.watch(names.REPLICAS_IN_STEP, lambda: self.in_step)
        telemetry.watch(names.REPLICAS_MISSING, lambda: max(0, self._minimum - self.in_step))

    async def __call__(self) -> None:
        """Raise ``WeakDurabilityError`` while a primary that is left alone would go on."""
        if self._minimum:
            self.in_step = await replicas_in_step(self._redis)
            await check_left_alone(self._redis)

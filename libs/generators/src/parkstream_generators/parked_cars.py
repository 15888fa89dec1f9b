"""Who is parked, and who is due to leave: the exit camera's own memory."""

from collections.abc import Callable, Sequence

from parkstream_events.keys import ExitGeneratorKeys

from parkstream_generators.intents import Car, car_of, json_text
from parkstream_generators.redis_store import Store


class ParkedCars:
    """Cars inside, in Redis. A car is parked once, however often its entry is delivered, also after it has left.

    *on_change* is called when somebody was parked.
    """

    def __init__(self, store: Store, keys: ExitGeneratorKeys, on_change: Callable[[], None]) -> None:
        self._store = store
        self._on_change = on_change
        self._keys = [keys.parked, keys.cars, keys.left]
        self.parked = 0
        """How many were inside when last looked."""

    async def park(self, cars: Sequence[tuple[Car, int]]) -> None:
        """Remember each car and when it leaves (microseconds since 1970); return when that is durable."""
        triples = [(car.key, str(due_us), json_text(car)) for car, due_us in cars]
        await self._store.call("park", self._keys, json_text(triples))
        self._on_change()

    async def due(self, now_us: int, count: int) -> tuple[list[Car], int | None]:
        """Return up to *count* cars that leave by *now_us*, and when the first of all is due."""
        first, self.parked, *cars = await self._store.read("due", self._keys[:2], now_us, count)
        return [car_of(car) for car in cars if car], int(float(first)) if first else None

    async def count(self) -> int:
        """Return how many cars are inside."""
        return await self._store.size(self._keys[0])

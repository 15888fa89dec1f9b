"""Cars that come and leave at once."""

from datetime import timedelta

import aio_pika
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from parkstream_events import topology
from pipeline import Pipeline


async def passes(pipeline: Pipeline, plate: str) -> None:
    """Let the car *plate* come in and leave."""
    connection = await aio_pika.connect(pipeline.rabbitmq_url)
    async with connection, await connection.channel(on_return_raises=True) as channel:
        exchange = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        at = now()
        await publish_entry(exchange, entry(f"in-{plate}", plate, at - timedelta(seconds=5)), message_id=f"in-{plate}")
        await publish_exit(exchange, exit_(f"out-{plate}", plate, at), message_id=f"out-{plate}")

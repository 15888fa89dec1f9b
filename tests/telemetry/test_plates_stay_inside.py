"""No plate leaves in a span, a metric or a log, in whatever script, id or message it comes: everything is searched."""

import asyncio
import json
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

import aio_pika
import pytest
from aio_pika.abc import AbstractExchange
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from parkstream_devtools import ServiceProcess
from parkstream_events import topology
from parkstream_events.sightings import microseconds, normalised_plate, plate_characters
from parkstream_events.wire import ENTERED, encode
from summary_items import item
from traces import Camera, Traced, post, read, traced_pipeline, until

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PLATES = [
    "QZX 4711-W",
    "qzx.4712.w",
    "\uff31\uff3a\uff38\uff14\uff17\uff11\uff13",
    "京A·98765",
    "बा १ च ४७११",
    "ДУБ-4714",
]
"""As cameras send them: laid out, in lower case, full width, of other scripts."""
IDS = ["{0}", "cam-7/{0}/out", "{0}#1", "x{0}x"]
_numbers = count(1)


@pytest.fixture(scope="module")
def traced(sandbox, servers, tmp_path_factory):
    with traced_pipeline(sandbox, *servers, tmp_path_factory.mktemp("traces")) as made:
        made.pipeline.environ["PARKSTREAM_PLATE_HASH_KEY"] = "test"
        made.pipeline.start()
        yield made


@pytest.fixture(scope="module")
def console(traced: Traced) -> ServiceProcess:
    return traced.run(
        "parkstream_console", {**traced.pipeline.environ, "PARKSTREAM_SUMMARY_URL": traced.pipeline.api.url}
    )


@pytest.fixture
async def events(traced: Traced):
    async with Camera(traced.pipeline.rabbitmq_url) as camera:
        yield camera.events


def seen() -> datetime:
    """Return a time of its own, so that no exit is a duplicate read of another."""
    return now() - next(_numbers) * MINUTE


async def passes(events: AbstractExchange, plate: str, id_: str) -> None:
    """A car comes and goes; its exit is told again, with another body, and is late once and from the future once."""
    at = seen()
    for gate in ("north", f"lane {plate}"):  # Both are behind: metrics and ready name them.
        id_in = f"{gate}-{id_}"
        await publish_entry(events, entry(id_in, plate, at - MINUTE / 2, gate=gate), message_id=id_in)
    for more in ({}, {}, {"gate": "other"}):
        await publish_exit(events, exit_(id_, plate, at, **more), message_id=id_)
    for moment in (at - 90 * 24 * HOUR, at + 9 * HOUR):
        await publish_exit(events, exit_(id_, plate, moment), message_id=id_)


async def is_refused(events: AbstractExchange, plate: str, id_: str) -> int:
    """Publish, as an entry, what no camera may send; return how many."""
    good = entry(id_, plate, now())
    messages: list[tuple[bytes, dict[str, Any]]] = [
        (good[:-1], {}),
        (plate.encode("utf-16"), {}),
        (good, {"type": plate}),
        (good, {"type": f"vehicle.{id_}.v1"}),
        (json.dumps({"id": id_, plate: plate}).encode(), {}),
        (entry(id_, plate * 30, now()), {}),
        (good.replace(b"+00:00", plate.encode()), {}),
        (entry(id_, "UNKNOWN", now()), {}),
        (exit_(id_, plate, now()), {"type": ENTERED}),
    ]
    for body, properties in messages:
        await publish_entry(events, body, message_id=id_, **properties)
    for routing_key in (plate, topology.EXITED_KEY):  # RabbitMQ delivers a message by further keys, under its first.
        message = aio_pika.Message(good, message_id=id_, type=ENTERED, headers={"CC": [topology.ENTERED_KEY]})
        await events.publish(message, routing_key)
    return len(messages) + 3


async def is_not_taken(traced: Traced, events: AbstractExchange, plate: str, id_: str) -> None:
    """The summary API has another summary of that visit, so the right one is parked."""
    at = seen()
    other = item(f"{id_}@{microseconds(at)}", vehicle_plate=normalised_plate(plate), duration_ms=1)
    await asyncio.to_thread(post, f"{traced.pipeline.api.url}/v1/summaries", encode(other))
    await publish_entry(events, entry(f"in-{id_}", plate, at - MINUTE / 2), message_id=f"in-{id_}")
    await publish_exit(events, exit_(id_, plate, at), message_id=id_)


async def is_asked_for(console: ServiceProcess, plate: str) -> None:
    """People and programs ask for a plate, in every way that there is, and in some that there are not."""
    written = quote(plate)
    for path in (
        f"/v1/visits/{written}",
        f"/v1/visits/{written * 30}",
        f"/v1/inside?cursor={written}",
        f"/v1/{written}",
        f"/find?q={written}",
        f"/find?q=exit:{written}@1",
        f"/plates/{written}",
        f"/visits/exit:{written}@1",
        f"/time?plate={written}&at={written}",
        f"/time/what-if?plate={written}",
        f"/acts/{written}?what={written}",
    ):
        with suppress(HTTPError):
            await asyncio.to_thread(read, f"{console.url}{path}")


async def told(traced: Traced, console: ServiceProcess) -> str:
    """Return all that has left so far, in any way."""
    services = [traced.pipeline.api, console, *traced.pipeline.backends]
    pages = [
        await asyncio.to_thread(read, f"{service.url}{path}")
        for service in services
        for path in ("/metrics", "/health/ready")
    ]
    sent = [*traced.sink.spans(), *traced.sink.metrics(), *traced.sink.logs()]
    return "\n".join([*map(repr, sent), *pages, *(path.read_text() for path in traced.outputs)])


async def gates_are_behind(traced: Traced, events: AbstractExchange) -> None:
    """Let gates report what is old, until the figures name them; one that is silent is not behind any more."""
    named = ""
    while 'parking_gate="north"' not in named:
        number = next(_numbers)
        for gate in ("north", f"lane {PLATES[0]}"):
            id_ = f"late-{gate}-{number}"
            await publish_entry(events, entry(id_, PLATES[0], seen(), gate=gate), message_id=id_)
        named = await asyncio.to_thread(read, f"{traced.pipeline.backends[0].url}/metrics")


def revealed(text: str) -> list[str]:
    """Return the plates that can be read in *text*, however they are laid out there."""
    searched = plate_characters(text.encode().decode("unicode_escape", errors="replace") + text)
    return [plate for plate in PLATES if normalised_plate(plate) in searched or plate in text]


async def test_no_plate_leaves_whatever_is_wrong_with_its_messages_or_is_asked(
    traced: Traced, console: ServiceProcess, events: AbstractExchange
):
    refused = 0
    for plate in PLATES:
        for layout in IDS:
            await passes(events, plate, layout.format(plate) + f"-{next(_numbers)}")
        refused += await is_refused(events, plate, IDS[1].format(plate))
        await is_not_taken(traced, events, plate, IDS[2].format(plate) + f"-{next(_numbers)}")
    backend = traced.pipeline.backends[0]
    conflicts = 3 * len(PLATES) * len(IDS)
    await until(lambda: traced.pipeline.state()["parked"] == len(PLATES), lambda: str(traced.pipeline.state()))
    buried = "parking_dead_letters_total"
    await until(lambda: _sum(read(f"{backend.url}/metrics"), buried) == refused + conflicts, lambda: _dead(backend.url))
    await until(lambda: len(traced.spans().named("write")) >= len(PLATES) * len(IDS))
    await gates_are_behind(traced, events)
    for plate in PLATES:
        await is_asked_for(console, plate)
    assert revealed(await told(traced, console)) == []


async def test_an_id_without_its_plate_stays_readable(traced: Traced, events: AbstractExchange):
    at = now()
    await publish_exit(events, exit_("plain-17", "QZX4715", at), message_id="plain-17")
    wanted = f"exit:plain-17@{microseconds(at)}"

    def visits() -> set[Any]:
        return {span.attributes.get("parking.visit.id") for span in traced.spans().named("write")}

    await until(lambda: wanted in visits())
    assert "plain-17" in {span.attributes.get("messaging.message.id") for span in traced.spans().all}


def _sum(page: str, metric: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(metric))


def _dead(url: str) -> str:
    return "\n".join(line for line in read(f"{url}/metrics").splitlines() if "dead_letters" in line)

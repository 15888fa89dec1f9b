"""Messages that no client would send: each is recorded or dead-lettered, once, whatever its properties are."""

import asyncio
import struct
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import aio_pika
import pytest
from backend_sightings import entry, now
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.commands import Basic
from parkstream_devtools.faults import RawPublisher, hostile_messages
from parkstream_devtools.faults.raw_amqp import BASIC, FLAGS, field, nested_table, short_string, table
from parkstream_events import topology, wire
from parkstream_messaging.batch_subscriber import Delivery, _delivery
from parkstream_messaging.letter import PROPERTIES, letter_of
from parkstream_messaging.tolerance import tolerate_properties
from pipeline import Pipeline

SHORT_STRINGS = [name for name in FLAGS if name not in {"headers", "delivery_mode", "priority", "timestamp"}]
LATIN = st.integers(1, 255).map(lambda length: b"\xe9" * length)
TEXTS = st.one_of(st.binary(max_size=255), LATIN, st.text(max_size=60).map(str.encode)).map(short_string)
SIZED = {b"I": 4, b"l": 8, b"d": 8, b"f": 4, b"T": 8, b"D": 5, b"t": 1, b"V": 0, b"b": 1, b"s": 2, b"u": 2, b"i": 4}
"""Kinds of fields with the length of their values."""
FIXED = st.sampled_from(sorted(SIZED)).flatmap(
    lambda kind: st.binary(min_size=SIZED[kind], max_size=SIZED[kind]).map(lambda value: (kind, value))
)
LONG = st.tuples(st.sampled_from([b"S", b"x"]), st.binary(max_size=300).map(lambda v: struct.pack(">I", len(v)) + v))
DEEP = st.integers(0, 1_200).map(lambda depth: (b"F", nested_table(depth)))
FIELDS = st.tuples(st.binary(min_size=1, max_size=40), st.one_of(FIXED, LONG, DEEP)).map(
    lambda named: field(named[0], *named[1])
)
HEADERS = st.one_of(
    st.lists(FIELDS, max_size=8).map(b"".join).map(table),
    st.binary(max_size=200).map(table),
    st.integers(0, 2_000).map(nested_table),
    st.integers(1, 900).map(
        lambda size: table(field(b"long", b"S", struct.pack(">I", size * 100) + b"x" * size * 100))
    ),
)
OTHERS = {
    "headers": HEADERS,
    "delivery_mode": st.binary(min_size=1, max_size=1),
    "priority": st.binary(min_size=1, max_size=1),
    "timestamp": st.binary(min_size=8, max_size=8),
}
EVERY_PROPERTY = st.fixed_dictionaries({}, optional={**dict.fromkeys(SHORT_STRINGS, TEXTS), **OTHERS})


def delivered(body: bytes, properties: dict[str, bytes]) -> Delivery:
    """Return *body* with encoded *properties* as our consumer reads it from the wire."""
    tolerate_properties()
    flags = sum(FLAGS[name] for name in properties)
    content = struct.pack(">HHQH", BASIC, 0, len(body), flags) + b"".join(
        properties[name] for name in FLAGS if name in properties
    )
    framed = struct.pack(">BHI", 2, 1, len(content)) + content + b"\xce"
    read: Any = frame.unmarshal(framed)[2].properties
    return _delivery(Mock(), Basic.Deliver(None, 1, False, "e", "k"), read, body)


@given(st.binary(max_size=50), EVERY_PROPERTY, st.text(max_size=600))
def test_whatever_its_properties_are_a_refused_message_becomes_one_letter(
    body: bytes, properties: dict[str, bytes], detail: str
):
    delivery = delivered(body, properties)
    letter = letter_of(delivery, topology.ENTRIES_QUEUE, "not_json", detail)
    assert letter.body == body
    letter.properties.marshal()
    again = letter.properties
    left_out = set(str(letter.headers.get(topology.LEFT_OUT_HEADER, "")).split(","))
    for name, called in PROPERTIES.items():
        if called not in left_out:  # aio-pika knows no empty text, and writes 0 for no priority.
            assert (getattr(again, name) or None) == (getattr(delivery.properties, name) or None), called
    if "headers" not in left_out:
        assert all(repr(letter.headers[name]) == repr(value) for name, value in delivery.headers.items())
    assert letter.headers[topology.REASON_HEADER] == "not_json"
    assert again.expiration is again.user_id is None


@pytest.mark.parametrize(
    ("properties", "left_out"),
    [
        ({"message_id": short_string(b"\xe9" * 86), "type": short_string(b"t")}, "message_id"),
        ({"type": short_string(b"\xe9" * 86), "app_id": short_string(b"\xe9" * 255)}, "type,app_id"),
        ({"headers": nested_table(488)}, "headers"),
        ({"headers": nested_table(5_000)}, "headers"),
        ({"headers": table(field(b"\xe9", b"t", b"\1"))}, "headers"),
        ({"headers": nested_table(20), "message_id": short_string(b"\xe9" * 85)}, None),
    ],
)
def test_a_letter_names_what_it_lacks(properties: dict[str, bytes], left_out: str | None):
    ordered = {name: properties[name] for name in FLAGS if name in properties}
    letter = letter_of(delivered(b"{", ordered), topology.EXITS_QUEUE, "not_json", "what is wrong")
    assert letter.headers.get(topology.LEFT_OUT_HEADER) == left_out


GOOD = entry("an-id", "P1", now(), gate="N", confidence=0.5, more=[1, {"a": None}])
PIECES = [b"\\ud800", b"\\u0000", b"\\n", b"\n", b"[" * 300, b"{", b'"', b"1e999", b"\xff", b"9" * 400, b"null"]
CONTROLS = {chr(code) for code in [*range(32), *range(127, 160)]}
CHANGES = st.lists(st.tuples(st.integers(0, len(GOOD)), st.one_of(st.sampled_from(PIECES), st.binary(max_size=3))))


@given(CHANGES, st.booleans())
def test_whatever_a_body_is_it_is_refused_or_a_sighting_that_can_be_kept(
    changes: list[tuple[int, bytes]], inserting: bool
):
    body = GOOD
    for at, piece in changes:
        body = body[:at] + piece + body[at if inserting else at + len(piece) :]
    try:
        seen = wire.decode_sighting(wire.ENTERED, body)
    except wire.UnreadableError:
        return
    assert not CONTROLS & set(seen.id)
    assert (seen.id + seen.vehicle_plate + (seen.gate or "")).encode()


@pytest.mark.parametrize("id_", ["in-1\n", "\n", "in-1\r\n", "in-1\r", "in\n-1", "in-1\x0b", "in-1\x85", "in-1\x00"])
def test_an_id_with_a_line_break_anywhere_is_refused(id_: str):
    with pytest.raises(wire.UnreadableError):
        wire.decode_sighting(wire.ENTERED, entry(id_, "P1", now()))


async def test_every_hostile_message_is_recorded_or_dead_lettered_once(
    run_service, redis_url, rabbitmq_url, mall, tmp_path
):
    pipeline = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    await asyncio.to_thread(pipeline.start)
    at = (now() - timedelta(minutes=1)).isoformat()
    kinds = hostile_messages(wire.ENTERED, "x", at, way="entry")
    messages = [hostile_messages(wire.ENTERED, f"h{n}", at, way="entry")[kind] for n, kind in enumerate(sorted(kinds))]
    with RawPublisher(rabbitmq_url) as publisher:
        for message in messages:
            publisher.publish(topology.EVENTS_EXCHANGE, topology.ENTERED_KEY, message.body, message.properties)
        publisher.publish(topology.EVENTS_EXCHANGE, topology.ENTERED_KEY, entry("last", "LAST", now()), {})
    sightings = sum(message.is_sighting for message in messages)
    await pipeline.until(lambda: pipeline.state()["counters"]["entered"] == sightings + 1)
    bodies = sorted(message.body for message in messages if not message.is_sighting)
    connection = await aio_pika.connect(rabbitmq_url)
    async with connection, connection.channel() as channel:
        queue = await channel.get_queue(topology.DEAD_LETTERS_QUEUE)
        letters: list[bytes] = []
        async with queue.iterator(no_ack=True, timeout=60) as waiting:
            async for letter in waiting:
                letters.append(letter.body)
                if len(letters) == len(bodies):
                    break
        assert sorted(letters) == bodies
    await asyncio.to_thread(pipeline.backends[0].terminate)
    connection = await aio_pika.connect(rabbitmq_url)
    async with connection, connection.channel() as channel:
        for name in (topology.ENTRIES_QUEUE, topology.DEAD_LETTERS_QUEUE):
            declared = await channel.declare_queue(name, passive=True)
            assert declared.declaration_result.message_count == 0, name

"""A dead letter is published as it was before: nothing that was added, nothing that cannot be written."""

import pytest
from aio_pika import Message
from parkstream_events import topology
from parkstream_messaging.dead_letters import Letter, Selection
from parkstream_messaging.redrive import can_be_published, original

ADDED = {
    topology.REASON_HEADER: "too_old",
    topology.DETAIL_HEADER: "long ago",
    topology.ORIGINAL_QUEUE_HEADER: topology.EXITS_QUEUE,
    "x-death": [{"queue": "parking.exits"}],
    "x-first-death-queue": "parking.exits",
    "x-last-death-reason": "rejected",
    "x-delivery-count": 3,
    "CC": ["elsewhere"],
}


class Dead(Message):
    """What is read of a message that was not received."""


def test_what_was_added_is_left_out_and_the_rest_is_kept():
    sent = {"traceparent": "00-1", "x-published-at-us": 5, "nested": {"a": [1, None]}}
    again = original(Dead(b"{}", headers={**sent, **ADDED}, message_id="m", type="t", correlation_id="c", priority=3))
    assert again.headers == sent
    assert (again.body, again.message_id, again.type, again.correlation_id, again.priority) == (b"{}", "m", "t", "c", 3)
    assert again.delivery_mode == 2


@pytest.mark.parametrize(("value", "fine"), [({"a": bytearray(b"\xff")}, True), ({1, 2}, False), (2**70, False)])
def test_what_cannot_be_written_as_it_was_read_is_noticed_before_it_is_published(value, fine):
    assert can_be_published(Message(b"{}", headers={"odd": value})) is fine


def test_a_letter_without_our_headers_is_shown_as_well_as_it_can_be():
    letter = Letter.of(Dead(b"\xff", headers={topology.PUBLISHED_AT_HEADER: 2**80}))
    assert (letter.reason, letter.queue, letter.routing_key, letter.published_at) == ("unknown", None, None, None)
    assert letter.id.startswith("body:")
    assert Selection(ids=(letter.id,)).selects(letter)
    assert not Selection(ids=(letter.id,), reason="too_old").selects(letter)

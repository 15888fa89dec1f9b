"""A sighting as cameras publish it: the JSON of the assignment, and what travels beside it."""

from typing import TYPE_CHECKING

from aio_pika import DeliveryMode, Message

if TYPE_CHECKING:
    from aio_pika.abc import HeadersType


def sighting_message(id_: str, type_: str, body: bytes, headers: "HeadersType") -> Message:
    """Return *body* as a persistent message; a whole message costs FastStream 10 % less than what it makes itself."""
    return Message(
        body,
        message_id=id_,
        correlation_id=id_,
        type=type_,
        content_type="application/json",
        delivery_mode=DeliveryMode.PERSISTENT,
        headers=headers,
    )

"""What a camera means to publish, before it is published."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct


class SightingKind(StrEnum):
    """What the account counts an event as."""

    ENTERED = "entered"
    MATCHED = "matched"
    UNMATCHED = "unmatched"
    MISREAD = "misread"
    BACKDATED = "backdated"
    """An exit that clocks date before its car's entry."""
    DUPLICATE_READ = "duplicate_read"
    """A further read of a car that creeps."""
    PLACEHOLDER = "placeholder"
    """A read without a plate."""


class Intent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that is kept until RabbitMQ confirms it: always the same id and *body*, however often it is published.

    ``copies``: how many times it is published on purpose. ``publish_at_us``: not before then. ``published_at_us``: what
    the header says, when it is not the time of publishing. ``linked_traceparent``: the trace of the car's entry.
    ``counted_at_us``: of an event whose id is a number, its time. ``passed_at_us``: when a car that creeps has passed,
    0 on its further reads.
    """

    id: str
    kind: SightingKind
    body: str
    gate: str = ""
    counted_at_us: int = 0
    copies: int = 1
    publish_at_us: int = 0
    published_at_us: int = 0
    linked_traceparent: str = ""
    passed_at_us: int | None = None

    @property
    def key(self) -> str:
        """What no other intent has: a number comes again at another gate, and the next day."""
        return f"{self.gate}/{self.id}@{self.counted_at_us}" if self.counted_at_us else self.id


class Car(Struct, frozen=True, omit_defaults=True):
    """A car that is inside: who it is by its entry's ``id`` and time, and the trace in which it came."""

    id: str
    plate: str
    entered_us: int
    traceparent: str = ""

    @property
    def key(self) -> str:
        """What no other car has; the id may be a number that comes again."""
        return f"{self.id}@{self.entered_us}"


class Account(Struct, frozen=True, kw_only=True):
    """What a camera did, exact also after kill -9; times and steps aside, these are counts of distinct events."""

    step: int = 0
    made: int = 0
    seed: int = 0
    published: int = 0
    matched: int = 0
    unmatched: int = 0
    misread: int = 0
    backdated: int = 0
    duplicate_read: int = 0
    placeholder: int = 0
    missed: int = 0
    duplicates: int = 0
    dropped: int = 0
    gates: dict[str, int] = {}
    """Published, by gate."""


_encode = msgspec.json.Encoder().encode
_intent = msgspec.json.Decoder(Intent).decode
_car = msgspec.json.Decoder(Car).decode


def json_text(value: Any) -> str:  # noqa: ANN401 - whatever msgspec can write
    """Return *value* as JSON text."""
    return _encode(value).decode()


def intent_of(text: str | bytes) -> Intent:
    """Return the intent that ``json_text`` wrote."""
    return _intent(text)


def car_of(text: str | bytes) -> Car:
    """Return the car that ``json_text`` wrote."""
    return _car(text)

"""What may be asked about another time, and how it travels to the process that answers."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct
from parkstream_eventlog import LogState
from parkstream_projection.questions.as_of import Answer, AsOf
from parkstream_projection.questions.snapshots import Snapshots, stride
from parkstream_projection.questions.what_if import Otherwise, WhatIfAnswer
from parkstream_projection.rebuild import Source

from parkstream_console.travel.folder import SnapshotFolder


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of the log *log_id*: how things stood (*then*), or would stand under other rules (*otherwise*)."""

    log_id: str
    then: AsOf | None = None
    otherwise: Otherwise | None = None

    @property
    def is_settled(self) -> bool:
        """Whether what it asks about can be named only once it is over: a position; a recorded time may be now."""
        return self.then is not None and self.then.recorded_at is None


Answered: TypeAlias = Answer | WhatIfAnswer


class Order(Struct, frozen=True, array_like=True):
    """Answer *question* from *source*, with what is kept in *folder*."""

    source: Source
    folder: str
    question: Question


class Reached(Struct, frozen=True, array_like=True, tag=True):
    """So many records of so many were read."""

    done: int
    total: int


class Known(Struct, frozen=True, array_like=True, tag=True):
    """The answer, encoded."""

    answer: bytes


class Failed(Struct, frozen=True, array_like=True, tag=True):
    """There is no answer; *problem* says why, and what to do."""

    problem: str


encode: Final[Callable[[object], bytes]] = msgspec.msgpack.Encoder().encode
decode_order: Final = msgspec.msgpack.Decoder(Order).decode
decode_report: Final[Callable[[bytes], Reached | Known | Failed]] = msgspec.msgpack.Decoder(
    Reached | Known | Failed
).decode
_decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode
_decode_what_if: Final = msgspec.msgpack.Decoder(WhatIfAnswer).decode


def key_of(question: Question) -> bytes:
    """Return what equal questions have in common."""
    return encode(question)


def answer_in(known: Known, question: Question) -> Answered:
    """Return the answer to *question* in *known*."""
    return _decode_answer(known.answer) if question.then is not None else _decode_what_if(known.answer)


def next_to_keep(folder: SnapshotFolder) -> Callable[[LogState], Question | None]:
    """Return what says which question would leave the next snapshot in *folder*, None when all are there."""

    def question(log: LogState) -> Question | None:
        last = log.position - log.position % stride(log.position)
        with suppress(OSError):
            if last > Snapshots(folder.path(), log.log_id).last:
                return Question(log_id=log.log_id, then=AsOf(to=last))
        return None

    return question

"""An error goes out without what it quotes, however deep it is and however it was raised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parkstream_events.wire import Refusal, UnreadableError
from parkstream_telemetry import described, explanation
from redis.exceptions import ResponseError

PLATE = st.text(st.characters(categories=["Lu", "Nd", "Lo"]), min_size=4, max_size=16)
QUOTING = [KeyError, ValueError, TypeError, RuntimeError, AssertionError, LookupError, UnicodeError]


@given(PLATE, st.lists(st.sampled_from(QUOTING), min_size=1, max_size=4), st.booleans())
def test_what_is_quoted_stays_inside(plate: str, kinds: list[type[Exception]], grouped: bool):
    error: BaseException = kinds[0](plate)
    for kind in kinds[1:]:
        outer = kind({"plate": plate})
        outer.add_note(plate)
        outer.__cause__, error = error, outer
    if grouped:
        error = ExceptionGroup(plate, [error])
    said = explanation(error, with_stack=True)
    assert plate not in repr(said) + described(error)
    assert said["exception.type"] == type(error).__qualname__
    for kind in kinds:
        assert kind.__qualname__ in said["exception.stacktrace"]


def test_where_it_was_raised_and_what_led_to_it_are_told():
    def innermost() -> None:
        raise KeyError("AB123")

    def outermost() -> None:
        try:
            innermost()
        except KeyError as error:
            raise ValueError("AB124") from error

    with pytest.raises(ValueError, match="AB") as raised:
        outermost()
    stack = explanation(raised.value, with_stack=True)["exception.stacktrace"]
    assert stack.index("in innermost") < stack.index("KeyError") < stack.index("ValueError")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "refused"), "[Errno 111] refused"),
        (ResponseError("ERR unknown command 'X', with args beginning with: 'AB123'"), "ERR unknown command 'X', "),
        (UnreadableError(Refusal.TOO_LARGE, "70000 bytes"), "too_large: 70000 bytes"),
        (UnreadableError(Refusal.ID_CONFLICT, "of AB123", quotes=True), "id_conflict"),
        (KeyError(), ""),
    ],
)
def test_what_is_known_to_hold_no_plate_is_told(error: Exception, words: str):
    assert explanation(error, with_stack=False)["exception.message"] == words

"""Log lines: one event each, with its attributes, its error and the ids of its span."""

import asyncio
import logging
from functools import partial
from io import StringIO

import msgspec
import pytest
from opentelemetry.trace import SpanContext
from parkstream_telemetry import names
from parkstream_telemetry.logs import Captured, Logs
from parkstream_telemetry.metrics import UnlistedError

SPAN = SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, is_remote=False)


@pytest.fixture
def out():
    return StringIO()


@pytest.fixture
def logs(out):
    return Logs("parkstream-backend", "json", strict=True, out=out)


def line(out):
    (only,) = out.getvalue().splitlines()
    return msgspec.json.decode(only)


def failed():
    try:
        raise ConnectionError("gone")  # noqa: TRY301
    except ConnectionError as error:
        return error


def test_a_line_says_when_what_who_and_how_grave(logs, out):
    logs.log(names.EVENT_PAUSED, {"reasons": "memory"})
    said = line(out)
    assert list(said)[:4] == ["timestamp", "level", "event", "service"]
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "level": "warning",
        "event": "record.paused",
        "service": "parkstream-backend",
        "reasons": "memory",
    }


def test_a_line_inside_a_span_carries_its_ids(logs, out):
    logs.log(names.EVENT_RESUMED, {}, span=SPAN)
    said = line(out)
    assert (said["trace_id"], said["span_id"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


def test_an_error_event_shows_where_it_came_from(logs, out):
    logs.log(names.EVENT_TASK_FAILED, {"task": "project"}, error=failed())
    said = line(out)
    assert (said["error"], said["error_message"]) == ("ConnectionError", "gone")
    assert "Traceback" in said["stacktrace"]


def test_a_warning_names_its_error_without_the_stack(logs, out):
    logs.log(names.EVENT_RESUMED, {}, error=failed())
    assert "stacktrace" not in line(out)


def test_an_endless_error_message_is_cut(logs, out):
    logs.log(names.EVENT_TASK_FAILED, {"task": "x"}, error=ValueError("x" * 100_000))
    assert len(out.getvalue()) < 20_000


def test_an_attribute_that_is_not_listed_is_refused_in_strict_mode(logs):
    with pytest.raises(UnlistedError, match="has no"):
        logs.log(names.EVENT_RESUMED, {"plate": "B-AR 123"})


def test_an_attribute_that_is_not_listed_is_left_out(out):
    Logs("x", "json", strict=False, out=out).log(names.EVENT_RESUMED, {"plate": "B-AR 123"})
    assert "B-AR" not in out.getvalue()


def test_what_cannot_be_json_is_said_as_text(logs, out):
    logs.log(names.EVENT_PAUSED, {"reasons": object})
    assert line(out)["reasons"] == "<class 'object'>"


def test_a_person_may_read_lines_too(out):
    Logs("parkstream-backend", "pretty", strict=True, out=out).log(names.EVENT_PAUSED, {"reasons": "memory"})
    assert "record.paused" in out.getvalue()
    assert "reasons=memory" in out.getvalue()


def test_a_library_that_logs_is_heard_in_our_form(logs, out):
    logger = logging.getLogger("a.library")
    logger.addHandler(captured := Captured(logs))
    logger.propagate = False
    logger.info("chatter")
    logger.error("it broke: %s", "badly")
    logger.removeHandler(captured)
    said = line(out)
    assert (said["event"], said["level"]) == ("library.logged", "error")
    assert (said["logger"], said["message"]) == ("a.library", "it broke: %s"), "what it filled in may be a plate"


def test_a_library_that_only_carries_bytes_is_heard_in_full_but_for_what_follows_its_first_line(logs, out):
    Captured(logs).handle(
        logging.LogRecord("aiormq.connection", logging.ERROR, "", 1, "gone: %s\n%s", ("x", "y"), None)
    )
    assert line(out)["message"] == "gone: x"


def test_lines_go_onward_under_their_full_names(logs):
    gone = []
    logs.onward = gone.append
    logs.log(names.EVENT_PAUSED, {"reasons": "memory"}, span=SPAN)
    (sent,) = gone
    assert (sent.event, sent.attributes, sent.span) == (names.EVENT_PAUSED, {"parking.reasons": "memory"}, SPAN)


def test_a_reader_that_went_away_stops_no_service():
    out = StringIO()
    out.close()
    Logs("x", "json", strict=True, out=out).log(names.EVENT_RESUMED, {})


@pytest.mark.parametrize("text", ["at AB123", KeyError("AB123")])
def test_what_a_library_filled_in_by_itself_is_withheld(logs, out, text):
    Captured(logs).handle(logging.LogRecord("a.library", logging.ERROR, "/its/file.py", 17, text, (), None))
    assert line(out)["message"].startswith("at file.py:17 (withheld")


def test_a_library_that_carries_messages_fills_in_none(logs, out):
    class Message:
        def __repr__(self) -> str:
            return "Message(b'AB123')"

    told = "Unhandled %r returning to %s: %d, %r"
    arguments = (Message(), "a queue", 4, KeyError("AB123"))
    Captured(logs).handle(logging.LogRecord("aiormq.channel", logging.ERROR, "", 1, told, arguments, None))
    assert line(out)["message"].startswith("Unhandled Message returning to a queue: 4, (withheld")


async def raises(error):
    raise error


async def test_what_asyncio_says_of_a_callback_shows_nothing_that_it_was_given(logs, out, monkeypatch):
    logger = logging.getLogger("asyncio")
    logger.addHandler(captured := Captured(logs))
    monkeypatch.setattr(logger, "propagate", False)
    task = asyncio.create_task(raises(KeyError("AB123")), name="a task")
    task.add_done_callback(lambda done: done.result())
    asyncio.get_running_loop().call_soon(lambda _: 1 / 0, "AB123")
    asyncio.get_running_loop().call_soon(partial(int, "AB123"))
    while out.getvalue().count("Exception in callback") < 3:
        await asyncio.sleep(0)
    logger.removeHandler(captured)
    assert "AB123" not in out.getvalue()

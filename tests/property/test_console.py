"""Whatever cameras, services and people write is printed as it is: never markup, never what steers a terminal."""

import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw, inspect, structs
from parkstream_cli import config, dead_letters, demo, output, republish, trace, visit
from parkstream_cli import outbox as outbox_command
from parkstream_cli.console import PlainConsole
from parkstream_cli.doctor import command as doctor
from parkstream_cli.log import archive, commands, records, transfer, verify
from parkstream_cli.replay import answers
from parkstream_devtools.pipeline.run import Result as Run
from parkstream_devtools.republish.plan import Report as Sent
from parkstream_eventlog import Record
from parkstream_eventlog.archive.moves import Moved
from parkstream_eventlog.statistics import Figures
from parkstream_messaging.dead_letters import Letter
from parkstream_messaging.redrive import Redriven
from parkstream_operations.findings import Finding
from parkstream_projection import Version
from parkstream_projection.questions import unreadable
from parkstream_projection.questions.as_of import Answer as AsOf
from parkstream_projection.questions.story_in_words import Answer as VisitAnswer
from parkstream_projection.questions.what_if import WhatIfAnswer
from parkstream_projection.rebuild import Checked
from parkstream_projection.rebuild.run import Result as Rebuilt
from parkstream_projection.verify.absent_summaries import Missing
from parkstream_projection.verify.run import Report
from parkstream_service.plain_text import plain, plain_json
from parkstream_telemetry.kept_traces.car_trace import CarTrace

MOMENT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SCALARS: dict[type, object] = {
    inspect.IntType: 7,
    inspect.FloatType: 1.5,
    inspect.BoolType: True,
    inspect.DateTimeType: MOMENT,
    inspect.NoneType: None,
}
pieces = st.sampled_from(
    [
        "gate[/2]-8",
        "[bold]",
        "[/]",
        "[link=http://x]y[/link]",
        ":car:",
        "\\[red]",
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "\r",
        "\n",
        "\t",
        "\x9b2J",
        "\u202egnp.exe",
        "\u200b",
        "\ud800",
        "redis://[fd00::1]:6379",
        "{0}",
        "%s",
        "e\u0301",
        "停",
    ]
)
texts = st.lists(st.one_of(pieces, st.text(max_size=5)), min_size=1, max_size=5).map("".join)
DANGEROUS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def filled(kind: inspect.Type, text: str) -> Any:
    """Return a value of *kind* that says *text* wherever it can, with one item in each collection."""
    for kinds, make in MAKERS.items():
        if isinstance(kind, kinds):
            return make(kind, text)
    return SCALARS.get(type(kind), text)


def _struct(kind: Any, text: str) -> Any:
    return kind.cls(**{field.name: filled(field.type, text) for field in kind.fields})


def _union(kind: Any, text: str) -> Any:
    return filled(next(one for one in kind.types if not isinstance(one, inspect.NoneType)), text)


MAKERS: dict[Any, Callable[[Any, str], Any]] = {
    inspect.Metadata: lambda kind, text: filled(kind.type, text),
    inspect.UnionType: _union,
    (inspect.StructType, inspect.DataclassType, inspect.NamedTupleType): _struct,
    inspect.ListType: lambda kind, text: [filled(kind.item_type, text)],
    inspect.VarTupleType: lambda kind, text: (filled(kind.item_type, text),),
    (inspect.SetType, inspect.FrozenSetType): lambda kind, text: frozenset([filled(kind.item_type, text)]),
    inspect.TupleType: lambda kind, text: tuple(filled(one, text) for one in kind.item_types),
    inspect.DictType: lambda kind, text: {filled(kind.key_type, text): filled(kind.value_type, text)},
    inspect.EnumType: lambda kind, _text: next(iter(kind.cls)),
    inspect.LiteralType: lambda kind, _text: kind.values[0],
    inspect.BytesType: lambda _kind, text: text.encode(errors="surrogatepass"),
    inspect.RawType: lambda _kind, text: Raw(msgspec.json.encode(text.encode(errors="replace").decode())),
}


def of(type_: type, text: str) -> Any:
    return filled(inspect.type_info(type_), text)


def squeezed(text: str) -> str:
    return "".join(text.split())


def on_console(show: Callable[[Any, PlainConsole], None], type_: type) -> Callable[[str], None]:
    """Return what prints a *type_* that says a text, on a console that breaks no line."""
    return lambda text: show(of(type_, text), PlainConsole(width=4_000))


def printed_by(show: Callable[[Any], object], type_: type) -> Callable[[str], object]:
    return lambda text: show(of(type_, text))


def bad_record(text: str) -> None:
    record = of(Record, text)
    records.print_record(record, json=False)
    records.print_record(record, json=True)


def record(text: str) -> None:
    records.show(of(Record, text), of(records.Known, text))


def rebuilt(text: str) -> None:
    differing = [dict.fromkeys(("visit_id", "now", "shown"), text)]
    answers.show_result(structs.replace(of(Rebuilt, text), examples=differing), PlainConsole(width=4_000))


RENDERERS: dict[str, Callable[[str], object]] = {
    "config": printed_by(config.show, config.Configuration),
    "dead-letters list": lambda text: output.line(dead_letters._row(of(Letter, text))),
    "dead-letters list --json": lambda text: output.as_json(dead_letters._answer(of(Letter, text))),
    "dead-letters show": printed_by(dead_letters._show, Letter),
    "dead-letters redrive": printed_by(dead_letters._print_outcome, Redriven),
    "demo": on_console(demo.print_result, Run),
    "demo, live": lambda text: PlainConsole(width=4_000).print(text),
    "doctor": lambda text: doctor.show([of(Finding, text)]),
    "log archive": lambda text: archive._show(of(Moved, text), "archive", json=False),
    "log export": lambda text: transfer._show(of(transfer.Moved, text), text, json=False, aside=True),
    "log show": record,
    "log stats": printed_by(commands._show_figures, Figures),
    "log tail": bad_record,
    "log unreadable": printed_by(commands._show_unreadable, unreadable.Outstanding),
    "log verify": on_console(verify.show, Report),
    "outbox emit-missing": printed_by(outbox_command._show_missing, Missing),
    "outbox parked": printed_by(outbox_command._show, outbox_command.Refused),
    "replay": rebuilt,
    "replay --check": on_console(answers.show_check, Checked),
    "replay --list": lambda text: answers.show_versions([of(Version, text)], PlainConsole(width=4_000)),
    "replay --set": on_console(answers.show_what_if, WhatIfAnswer),
    "replay --to": on_console(answers.show_as_of, AsOf),
    "republish": printed_by(republish._show, Sent),
    "trace": lambda text: trace.draw(of(CarTrace, text), text, PlainConsole(width=4_000)),
    "visit": printed_by(visit._show_visit, VisitAnswer),
    "an error": output.error,
    "a note": output.note,
    "a paragraph": lambda text: output.paragraph(text, indent="  "),
}
SILENT = {"replay --check", "log stats", "demo"}
"""Show figures and names of ours only where all is well."""


@pytest.mark.parametrize("name", RENDERERS)
@given(text=texts)
@example(text="gate[/2]-8")
@example(text=":car: [red]x[/red] \x1b[31m\u202e\x9b2J\ud800")
@example(text="redis://[fd00::1]:6379")
def test_texts_are_printed_as_they_are(name, text):
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
        RENDERERS[name](text)
    printed = out.getvalue()
    assert not DANGEROUS.search(printed)
    if name not in SILENT:
        shown = (plain(text), plain(text, keep="\n"), json.dumps(text)[1:-1], output.json_of(text)[1:-1])
        assert any(squeezed(one) in squeezed(printed) for one in shown), printed


@given(texts)
def test_an_escaped_json_says_the_same(text):
    said = msgspec.json.encode(text.encode(errors="replace").decode()).decode()
    assert plain_json(said).isprintable()
    assert msgspec.json.decode(plain_json(said)) == msgspec.json.decode(said)


def test_half_a_character_beside_a_body_is_printed_too():
    assert json.loads(output.json_of([of(outbox_command.Refused, "\ud800")]))[0]["id"] == "\ud800"


def test_only_ours_has_colours():
    out = io.StringIO()
    console = PlainConsole(file=out, force_terminal=True, color_system="standard", width=100)
    console.say(("ok", "green"), ": [red]it is[/red]")
    assert out.getvalue() == "\x1b[32mok\x1b[0m: [red]it is[/red]\n"

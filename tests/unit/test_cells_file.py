"""The file of cells: what it takes, and where it says that something is wrong."""

from pathlib import Path

import pytest
from parkstream_operations.cells.cells_file import NAME, OWN, VARIABLE, CellsError, path_here, read_cells

NORTH = """\
# Ours.
[malls.north]
rabbitmq_url_file = "secrets/north/rabbitmq_url_cli"
redis_url = "redis://redis:6379"
backend_url = "http://north:8001"
summary_url = "http://north:8000"
archive_dir = "/archives/north"
dedupe_days = 40
"""
REST = 'backend_url = "http://b:1"\nsummary_url = "http://s:1"\n'
SERVERS = 'redis_url = "redis://r:1"\nrabbitmq_url = "amqp://q:1/"\n'

PASSWORD_THERE = (
    "it has a user and a password, which do not belong in this file: write it to a file that is yours only, and name "
    "that as"
)
NONE_GIVEN = "rabbitmq_url and rabbitmq_url_file: give one of them, the file if it has a password"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / NAME


def problems_of(file: Path, text: str) -> list[str]:
    file.write_text(text)
    with pytest.raises(CellsError) as caught:
        read_cells(file)
    return [line.removeprefix(str(file)) for line in str(caught.value).splitlines()]


def test_a_cell_becomes_the_variables_of_its_mall_and_paths_begin_where_the_file_lies(file: Path):
    file.write_text(NORTH)
    assert read_cells(file).environ("north") == {
        "PARKSTREAM_MALL": "north",
        "PARKSTREAM_RABBITMQ_URL_FILE": str(file.parent / "secrets/north/rabbitmq_url_cli"),
        "PARKSTREAM_REDIS_URL": "redis://redis:6379",
        "PARKSTREAM_BACKEND_URL": "http://north:8001",
        "PARKSTREAM_SUMMARY_URL": "http://north:8000",
        "PARKSTREAM_ARCHIVE_DIR": "/archives/north",
        "PARKSTREAM_DEDUPE_DAYS": "40",
    }


def test_each_error_is_listed_with_its_line_and_field(file: Path):
    text = (
        NORTH
        + f'\n[malls."the south"]\n{REST}{SERVERS}'
        + f'\n[malls.west]\n{REST}{SERVERS}redis_dirr = "x"\n'
        + f'\n[malls.east]\n{SERVERS}backend_url = "ftp://b"\nsummary_url = "http://s:1"\n'
        + f'\n[malls.up]\n{REST}redis_url = "redis://r:1"\nrabbitmq_url = "amqp://user:secret@q:1/"\n'
        + f"\n[malls.down]\n{REST}redis_url = 'redis://r:1'\n"
        + f"\n[malls.far]\n{REST}{SERVERS}dedupe_days = 0\n"
    )
    assert problems_of(file, text) == [
        ", line 10: malls.the south: a mall's name has 1 to 64 characters, no braces and no spaces",
        ", line 21: malls.west.redis_dirr: Object contains unknown field `redis_dirr`",
        ", line 26: malls.east.backend_url: it takes http://HOST:PORT or https://HOST:PORT",
        f", line 33: malls.up.rabbitmq_url: {PASSWORD_THERE} rabbitmq_url_file",
        f", line 35: malls.down.rabbitmq_url: {NONE_GIVEN}",
        ", line 45: malls.far.dedupe_days: Expected `int` >= 1",
    ]


def test_no_error_shows_a_password(file: Path):
    for field in ("rabbitmq_url", "redis_url", "backend_url", "summary_url"):
        scheme = {"rabbitmq_url": "amqp", "redis_url": "redis"}.get(field, "http")
        lines = [line for line in (SERVERS + REST).splitlines() if not line.startswith(field)]
        text = "\n".join(["[malls.north]", *lines, f'{field} = "{scheme}://user:hunter2@host:1"'])
        (problem,) = problems_of(file, text)
        assert "hunter2" not in problem
        assert problem.startswith(f", line 5: malls.north.{field}: it has a user and a password")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[malls.north\n", " is no TOML: Expected ']' at the end of a table declaration (at line 1, column 13)"),
        ("[mall.north]\n", ": mall: there is no such table; malls are written as [malls.NAME]"),
        ("malls = 3\n", ": malls: it takes a table for each mall, written as [malls.NAME]"),
        ("[malls]\nnorth = 3\n", ", line 1: malls.north: Expected `object`, got `int`"),
        (
            f'[malls.north]\n{REST}{SERVERS}summary_file = """\n[malls.x\n"""\nx = 1\n',
            ", line 1: malls.north.x: Object contains unknown field `x`",
        ),
    ],
)
def test_what_is_no_file_of_cells_is_named(file: Path, text: str, problem: str):
    assert problems_of(file, text) == [problem]


def test_a_name_that_has_a_line_in_it_is_refused_like_any_other(file: Path):
    problems = problems_of(file, f'[malls."a\u2028b"]\n{REST}{SERVERS}')
    assert problems == [", line 1: malls.a", "b: a mall's name has 1 to 64 characters, no braces and no spaces"]


@pytest.mark.parametrize("value", ["[" * 5_000, "1" * 5_000], ids=["nested", "digits"])
def test_what_is_too_much_for_a_reader_of_toml_is_no_toml(file: Path, value: str):
    (problem,) = problems_of(file, f"x = {value}\n")
    assert problem.startswith(" is no TOML: ")


def test_what_an_editor_puts_in_front_of_the_text_and_behind_its_lines_is_no_error(file: Path):
    file.write_bytes(b"\xef\xbb\xbf" + NORTH.replace("\n", "\r\n").encode())
    assert read_cells(file).malls.keys() == {"north"}


def test_a_password_of_sentinels_does_not_stand_in_the_file_either(file: Path):
    redis = "redis+sentinel://s:1/x?sentinel_password=hunter2"
    text = f'[malls.north]\n{REST}rabbitmq_url = "amqp://q"\nredis_url = "{redis}"'
    (problem,) = problems_of(file, text)
    assert problem.startswith(", line 5: malls.north.redis_url: it has a password")
    assert "hunter2" not in problem


def test_a_mall_that_is_not_there_is_refused_with_those_that_are(file: Path):
    file.write_text(NORTH)
    with pytest.raises(CellsError, match=r"has no mall 'nort': it has north; parkstream cells add makes one"):
        read_cells(file).environ("nort")


def test_a_file_that_is_not_there_says_how_to_begin_one(file: Path):
    with pytest.raises(CellsError, match=f"set {VARIABLE} to the file of malls, or begin one with parkstream cells"):
        read_cells(file)


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert path_here({VARIABLE: str(tmp_path / "x.toml")}) == tmp_path / "x.toml"
    monkeypatch.chdir(tmp_path)
    assert path_here({}) == tmp_path / NAME


@pytest.mark.parametrize("field", OWN)
def test_what_a_mall_has_alone_no_other_one_may_name(file: Path, field: str):
    fields = {"rabbitmq_url": "amqp://q:1/{}", "redis_url": "redis://r:1"}
    fields |= {"backend_url": "http://{}:1", "summary_url": "http://{}:2"}
    kind = fields.get(field, "{}" if field.endswith("_file") else "http://{}:3")
    fields = ({} if field == "rabbitmq_url_file" else {"rabbitmq_url": fields["rabbitmq_url"]}) | {
        name: value for name, value in fields.items() if name != "rabbitmq_url"
    }
    fields[field] = kind

    def table(mall: str, **same: str) -> str:
        lines = [f'{name} = "{same.get(name, value.format(mall))}"' for name, value in fields.items()]
        return "\n".join([f"[malls.{mall}]", *lines, ""])

    file.write_text(table("north") + table("south"))
    assert list(read_cells(file).malls) == ["north", "south"]
    (problem,) = problems_of(file, table("north") + table("south", **{field: kind.format("north") + "/"}))
    assert problem.endswith(f": malls.south.{field}: north has the same; each mall has its own")
    assert problem.startswith(f", line {len(fields) + 2 + 1 + list(fields).index(field)}: ")

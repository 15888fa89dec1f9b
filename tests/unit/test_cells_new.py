"""A mall is made: what others do to its file and its folder meanwhile, or did before."""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from parkstream_operations.cells import rabbitmq_rights
from parkstream_operations.cells.cells_file import NAME, CellsError, read_cells
from parkstream_operations.cells.new_cell import Plan, add_cell
from parkstream_operations.cells.secret_files import FOLDER

SOUTH = """\
# Ours.
[malls.south]
rabbitmq_url = "amqp://q"
redis_url = "redis://r"
backend_url = "http://b:1"
summary_url = "http://s:1"
"""
FIELDS = 'rabbitmq_url="amqp://q", redis_url="redis://r", backend_url="http://b", summary_url="http://s"'
INLINE = f"malls = {{south = {{{FIELDS}}}}}\n"
OF_WINDOWS = SOUTH.replace("\n", "\r\n").encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / NAME


def add(file: Path, mall: str = "north", *, management: str | None = None, at: str = "amqp://q") -> None:
    here = {"backend_url": f"http://{mall}:1", "summary_url": f"http://{mall}:2"}
    plan = Plan(mall=mall, rabbitmq_url=at, redis_url="redis://r", **here)
    asyncio.run(add_cell(file, plan, management, None, dry_run=False))


def test_while_another_one_makes_a_mall_nothing_is_made(file: Path):
    other = os.open(file.parent, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(CellsError, match="another parkstream cells add is at work"):
        add(file)
    assert list(file.parent.iterdir()) == []
    os.close(other)
    add(file)
    assert read_cells(file).malls.keys() == {"north"}


@pytest.mark.parametrize("by_hand", ["south", "north"])
def test_what_somebody_writes_into_the_file_meanwhile_stays_and_no_mall_is_there_twice(
    file: Path, monkeypatch: pytest.MonkeyPatch, by_hand: str
):
    add(file)
    entry = file.read_text().replace("north", by_hand)
    file.unlink()

    async def edited(*_: Any, **__: Any) -> list[tuple[str, str, str]]:
        await asyncio.to_thread(file.write_text, entry)
        return []

    monkeypatch.setattr(rabbitmq_rights, "bring", edited)
    add(file, management="http://admin:secret@m")
    assert read_cells(file).malls.keys() == {"north", by_hand}


def test_a_file_that_takes_no_table_more_is_refused_before_anything_is_made(file: Path):
    file.write_text(INLINE)
    with pytest.raises(CellsError, match=r"takes no table more: write its malls as \[malls.NAME\]"):
        add(file)
    assert file.read_text() == INLINE
    assert list(file.parent.iterdir()) == [file]


def test_the_file_stays_where_it_is_with_its_rights_and_its_line_ends(file: Path, tmp_path: Path):
    (tmp_path / "kept").mkdir()
    kept = tmp_path / "kept" / "malls.toml"
    kept.write_bytes(OF_WINDOWS)
    kept.chmod(0o640)
    file.symlink_to(kept)
    add(file)
    assert file.is_symlink()
    assert kept.stat().st_mode & 0o777 == 0o640
    assert kept.read_bytes().startswith(OF_WINDOWS.rstrip())
    assert read_cells(file).malls.keys() == {"south", "north"}


def test_secrets_are_not_written_where_others_lead_or_write(file: Path, tmp_path: Path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    ours = tmp_path / FOLDER / "north"
    ours.parent.mkdir()
    ours.symlink_to(theirs)
    with pytest.raises(CellsError, match="north is a link or belongs to somebody else"):
        add(file)
    assert list(theirs.iterdir()) == []
    ours.unlink()
    ours.mkdir()
    ours.chmod(0o777)
    with pytest.raises(CellsError, match=r"others may write .*north: see that all in it is yours"):
        add(file)
    ours.chmod(0o700)
    (ours / "redis_password_cli").symlink_to(theirs / "nothing")
    with pytest.raises(CellsError, match="redis_password_cli is a link or belongs"):
        add(file)
    assert not file.exists()


def test_a_password_that_was_chosen_is_kept_whatever_is_in_it(file: Path):
    add(file)
    ours = file.parent / FOLDER / "north"
    (ours / "redis_password_cli").write_text("p@ss:w/ö?r#d")
    add(file)
    parts = urlsplit((ours / "redis_url_cli").read_text())
    assert (unquote(parts.password or ""), parts.hostname) == ("p@ss:w/ö?r#d", "r")
    (ours / "redis_password_cli").write_bytes(b"\xff")
    with pytest.raises(CellsError, match="redis_password_cli is no text"):
        add(file)


def test_all_nodes_of_a_cluster_are_in_each_address(file: Path):
    add(file, at="amqp://n1:5672,n2:5672,[::1]:5673")
    url = (file.parent / FOLDER / "north" / "rabbitmq_url_backend").read_text()
    assert url.rpartition("@")[2] == "n1:5672,n2:5672,[::1]:5673/north"
    with pytest.raises(CellsError, match="rabbitmq_url: it"):
        add(file, "west", at="amqp://n1,me:hunter2@n2")
    with pytest.raises(CellsError, match="of several nodes each has its port"):
        add(file, "west", at="amqp://n1:5672,hunter2")


def test_a_mall_at_the_services_of_another_one_is_refused_before_anything_is_made(file: Path):
    file.write_text(SOUTH.replace("http://b:1", "http://north:1"))
    with pytest.raises(CellsError, match=r"north\.backend_url: south has the same; each mall has its own"):
        add(file)
    assert list(file.parent.iterdir()) == [file]

"""How each mall is, at a glance: what its backend and its summary API say of themselves."""

import asyncio
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_service.client import ServiceClient
from parkstream_service.settings import hosts_of
from parkstream_service.settings.sources import text_of
from parkstream_service.unreachable import UnreachableError

from parkstream_operations.cells.cells_file import Cells, CellsError, read_cells
from parkstream_operations.findings import Level
from parkstream_operations.service_findings import of_problem

ASKED_AT_ONCE: Final = 16
READY, COMPLAINS, UNREACHABLE = "ready", "complains", "unreachable"


class CellHealth(Struct, frozen=True, kw_only=True):
    """A mall, where it runs, and how it is."""

    mall: str
    status: str
    """``ready``, ``complains`` or ``unreachable``."""
    problems: dict[str, str]
    """What its services miss or why they do not answer, by service and what it is about."""
    rabbitmq: str
    redis: str
    console_url: str | None


class CellsSeen(Struct, frozen=True):
    """How all malls of a file are, or why nobody knows."""

    malls: list[CellHealth] = []
    problem: str = ""


async def look_at(path: Path) -> CellsSeen:
    """Return how the malls are that the file at *path* lists, or why it cannot be used."""
    try:
        return CellsSeen(await health_of(await asyncio.to_thread(read_cells, path)))
    except CellsError as error:
        return CellsSeen(problem=str(error))


async def health_of(cells: Cells) -> list[CellHealth]:
    """Ask the services of all of *cells*, some at a time, each for a few seconds at most."""
    turns = asyncio.Semaphore(ASKED_AT_ONCE)

    async def asked(mall: str) -> CellHealth:
        async with turns:
            return await _health(cells, mall)

    return await asyncio.gather(*map(asked, cells.malls))


async def _health(cells: Cells, mall: str) -> CellHealth:
    cell, environ = cells.cell(mall), cells.environ(mall)
    services = {"backend": cell.backend_url.rstrip("/"), "summary-api": cell.summary_url.rstrip("/")}
    texts, problems = _texts(environ)
    status = COMPLAINS if problems else READY
    async with ServiceClient(texts["PARKSTREAM_API_TOKEN"] or None) as client:
        answers = await asyncio.gather(*(client.problems(url) for url in services.values()), return_exceptions=True)
    for service, answer in zip(services, answers, strict=True):
        if isinstance(answer, UnreachableError):
            status, problems[service] = UNREACHABLE, str(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found = [of_problem(service, about, detail) for about, detail in answer.items()]
            complaints = {one.about: one.found for one in found if one.level is Level.WRONG}
            problems |= complaints
            status = COMPLAINS if complaints and status == READY else status
    return CellHealth(
        mall=mall,
        status=status,
        problems=problems,
        rabbitmq=_place(texts["PARKSTREAM_RABBITMQ_URL"]),
        redis=_place(texts["PARKSTREAM_REDIS_URL"]),
        console_url=cell.console_url,
    )


def _texts(environ: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what may be in files, and by field what cannot be read."""
    texts: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in ("PARKSTREAM_API_TOKEN", "PARKSTREAM_RABBITMQ_URL", "PARKSTREAM_REDIS_URL"):
        try:
            texts[name] = text_of(name, environ)
        except ValueError as error:
            texts[name], problems[Path(environ[f"{name}_FILE"]).name] = "", str(error)
    return texts, problems


def _place(url: str) -> str:
    return hosts_of(url) if url else "unknown"

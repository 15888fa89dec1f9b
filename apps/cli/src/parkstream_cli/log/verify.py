"""``parkstream log verify``: whether the log, its index, its projections and the summaries agree."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from parkstream_projection.rebuild.gc_pause import rarely_collected
from parkstream_projection.verify.run import Report, verify

from parkstream_cli.connections import opened, settings_here
from parkstream_cli.console import BAD, GOOD, PlainConsole
from parkstream_cli.errors import FAILED, ToolError
from parkstream_cli.output import AsJson, as_json
from parkstream_cli.progress import progress


async def verify_log(
    *,
    summaries: Annotated[
        Path | None, Parameter(help="The summary file; by default that of PARKSTREAM_SUMMARY_FILE, if it is here.")
    ] = None,
    most: Annotated[
        int,
        Parameter(
            name="--most", help="How many findings are listed; all are counted.", validator=validators.Number(gte=1)
        ),
    ] = 100,
    json: AsJson = False,
) -> int:
    """Check the log, its id index, the projections, the outbox and the summary file; exit 1 when one is wrong.

    Works on a live system: it checks up to where the log ends when it begins. It reads only, and changes nothing.
    """
    settings = settings_here()
    file = _file(summaries, settings.summary_file)
    with rarely_collected():
        async with opened(settings) as it:
            report = await verify(it, file, progress, most=most, dedupe_days=settings.dedupe_days)
    if json:
        as_json(report)
    else:
        show(report, PlainConsole())
    return 0 if report.ok else FAILED


def _file(named: Path | None, usual: str) -> Path | None:
    """Return the summary file if there is one; the one that was *named* must be there."""
    file = named or Path(usual)
    if file.is_file():
        return file
    if named is None:
        return None
    message = f"{named} is no file: name the summary file (PARKSTREAM_SUMMARY_FILE of the summary API)"
    raise ToolError(message)


def show(report: Report, console: PlainConsole) -> None:
    """Print *report* for people."""
    for finding in report.findings:
        where = "" if finding.position is None else f" at position {finding.position:,}"
        console.say((finding.kind, BAD), f"{where}: {finding.found}")
        console.say(f"    {finding.advice}")
    if report.total > len(report.findings):
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in report.by_kind.items())
        console.say(f"… {report.total:,} in all: {kinds}")
    for note in report.notes:
        console.say(f"note: {note}")
    summaries = "" if report.summaries is None else f" and {report.summaries:,} summaries"
    checked = f"{report.records:,} records up to position {report.last:,}{summaries} in {report.seconds:.1f} s"
    plural = "" if report.total == 1 else "s"
    verdict = ("ok", GOOD) if report.ok else (f"{report.total:,} finding{plural}", BAD)
    console.say(verdict, f": checked {checked}")

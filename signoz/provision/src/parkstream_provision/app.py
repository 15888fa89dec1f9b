"""The command: what it takes, and the exit code that it leaves."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import cyclopts
import msgspec
from cyclopts import Parameter
from parkstream_service.settings import answer_config, settings_or_exit

from parkstream_provision.changes import Applier
from parkstream_provision.errors import ProvisionError
from parkstream_provision.files import Wanted, read
from parkstream_provision.previews import previewed
from parkstream_provision.report import Report
from parkstream_provision.session import log_in
from parkstream_provision.settings import Settings
from parkstream_provision.watch import Watch

FAILED: Final = 1
MISUSED: Final = 2
HELP: Final = """Bring dashboards, alerts, views, funnels and retention into SigNoz, then stay and watch for drift.

It waits for SigNoz, logs in, and makes it have what the files below signoz/ say; a second time nothing changes. It
touches nothing but what is named parkstream-…, titled "Parkstream: …" or labelled managed_by=parkstream, and the
retention. Then it stays: every ten minutes it looks for drift, and /health/ready answers 503 while there is some.
A rule of missing data is made only once its figure was received, else it would fire at once: until then it is deferred.
Addresses and the password come from PARKSTREAM_SIGNOZ_* (`parkstream-provision config` lists them).
"""
app = cyclopts.App(name="parkstream-provision", help=HELP, version_flags=[])


def flag(words: str) -> Parameter:
    """Return a switch that *words* explain."""
    return Parameter(help=words, negative="")


@app.default
def provision(  # noqa: PLR0913 - what a command takes
    *,
    once: Annotated[bool, flag("Apply, and end.")] = False,
    check: Annotated[bool, flag("Write nothing; exit 1 for drift, and a query that is broken or misspelt.")] = False,
    dry_run: Annotated[bool, flag("Write nothing; print what would be done.")] = False,
    prune: Annotated[bool, flag("Remove what is ours but no longer in the files, too.")] = False,
    ignore_warnings: Annotated[bool, flag("With --check: what SigNoz only warns of is no failure.")] = False,
    json: Annotated[bool, flag("Print one JSON object instead.")] = False,
) -> int:
    """Apply the files and stay."""
    if sum((once, check, dry_run)) > 1 or (check and prune) or (ignore_warnings and not check):
        sys.stderr.write("error: take one of --once, --check, --dry-run; --prune goes with no --check\n")
        return MISUSED
    settings = settings_or_exit(Settings, os.environ)
    try:
        wanted = read(Path(settings.signoz_files), os.environ)
        report = applied(settings, wanted, write=not (check or dry_run), prune=prune, preview=check)
    except ProvisionError as error:
        sys.stderr.write(f"error: {error}\n")
        return FAILED
    print_report(report, as_json=json)
    if once or check or dry_run:
        return code_of(report, check=check, warnings_matter=not ignore_warnings)
    from parkstream_provision.server import stay  # noqa: PLC0415 - one look needs no server

    return stay(watched(settings, wanted, report), settings)


def applied(  # noqa: PLR0913 - how it is done
    settings: Settings,
    wanted: Wanted,
    *,
    write: bool,
    prune: bool = False,
    preview: bool = False,
    awaited: frozenset[str] = frozenset(),
) -> Report:
    """Return what was done, or would be without *write*; of *awaited* rules, those are made whose figure has come."""
    api = log_in(settings)
    try:
        done = Applier(api, write=write, prune=prune, awaited=awaited).run(wanted)
        return Report(done, previewed(api, wanted) if preview else [], written=write)
    finally:
        api.close()


def watched(settings: Settings, wanted: Wanted, report: Report) -> Watch:
    """Return what looks for drift after *report*."""
    watch = Watch(
        lambda awaited: applied(settings, wanted, write=False, awaited=awaited), settings.signoz_check_seconds
    )
    watch.found(report)
    return watch


def print_report(report: Report, *, as_json: bool) -> None:
    """Print *report*."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(report.as_json()).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in report.lines())
    sys.stdout.flush()


def code_of(report: Report, *, check: bool, warnings_matter: bool) -> int:
    """Return the exit code: what was refused is a failure; for *check* so is drift, or a finding."""
    if not check:
        return FAILED if report.failed else 0
    findings = [one for one in report.faults if warnings_matter or one.level == "error"]
    return FAILED if report.drift or findings else 0


def main() -> None:
    """Run the command."""
    if answer_config(Settings, sys.argv[1:], os.environ):
        return
    sys.exit(app())

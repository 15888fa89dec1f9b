"""Let things go wrong, one after the other, while cars pass, and reconcile the account after each.

What goes wrong, when, where and for how long is drawn from a seed. After each fault everything must come to rest with
every sighting recorded, decided and delivered once; `log verify` must find nothing, and `replay --check` no
difference. Every fault leaves a line of JSON; what explains a failure is kept beside it, and its seed runs again.
"""

import argparse
import logging
import random
import signal
import sys
from pathlib import Path
from typing import Final

from parkstream_devtools.servers.install import MissingServerError, ensure_servers
from parkstream_devtools.servers.process import StartError

from chaos.campaign import Campaign, Limits
from chaos.cluster_mall import ClusterMall, OneDiskMall
from chaos.kinds import CLUSTER_KINDS, KINDS
from chaos.ledger import USUAL, Ledger, LedgerError, Line, seeds_in
from chaos.mall import Mall
from chaos.report import as_json, report_of, table
from chaos.schedule import SEEDS

MINUTES: Final = 10.0
BROKEN: Final = 1
MISUSED: Final = 2
NOT_SET_UP: Final = 3


def main() -> int:
    """Run what the command line names; return 1 when a promise was broken, 3 when nothing could be set up."""
    parser = _parser()
    options = parser.parse_args()
    kinds = CLUSTER_KINDS if options.cluster or options.no_replicas else KINDS
    if unknown := [name for name in options.kinds if name not in kinds]:
        parser.error(f"no kind {', '.join(unknown)}; there are {', '.join(kinds)}")
    if not options.minutes > 0 or min(options.events or 1, options.faults or 1) < 1:
        parser.error("--minutes, --events and --faults take more than 0")
    try:
        ledger = Ledger(options.resume or USUAL, resumed=options.resume is not None)
        ensure_servers(say)
        logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # That connections close is what we are here for.
        lines = _run(options, ledger)
    except (LedgerError, MissingServerError, StartError, OSError) as error:
        say(f"error: {error}")
        return NOT_SET_UP
    report = report_of([*ledger.before, *lines])
    say(table(report))
    if options.json:
        sys.stdout.write(as_json(report))
    return BROKEN if any(line.broken for line in lines) else 0


def say(text: str) -> None:
    """Print a line beside the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _run(options: argparse.Namespace, ledger: Ledger) -> list[Line]:
    limits = Limits(minutes=options.minutes, events=options.events, faults=options.faults)
    cluster = options.cluster or options.no_replicas
    there = CLUSTER_KINDS if cluster else KINDS
    kinds = {name: there[name] for name in options.kinds or there}
    mall = OneDiskMall if options.no_replicas else ClusterMall if options.cluster else Mall
    campaign = Campaign(options.seed, kinds, limits, ledger.folder, say, mall=mall)
    lines: list[Line] = []
    try:
        for line in campaign.lines(seeds_in(ledger.before)):
            ledger.add(line)
            lines.append(line)
            _show(line, options)
    except KeyboardInterrupt:
        say("ended by Ctrl-C; what was run so far counts")
    return lines


def _show(line: Line, options: argparse.Namespace) -> None:
    """Print what became of one fault, and how a failure is repeated."""
    lost = f", {line.lost:,} of {line.events_so_far:,} lost" if line.lost else ""
    verdict = f"{'BROKEN' if line.broken else f'at rest after {line.recover_ms / 1_000:.1f} s'}{lost}"
    say(f"{line.position:3} {line.kind} ({line.hits}): {line.events:,} sightings, {verdict}")
    for broken in line.broken:
        say(f"    {broken}")
    if line.broken:
        asked = [*(["--cluster"] if options.cluster else []), *(["--no-replicas"] if options.no_replicas else [])]
        words = " ".join([*asked, *options.kinds])
        say(f"    again: ./dev chaos --seed {line.seed} --faults {line.position} {words}".rstrip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev chaos",
        description=__doc__,
        epilog="\n".join(["kinds:", *map("  {}".format, KINDS), "with --cluster:", *map("  {}".format, CLUSTER_KINDS)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("kinds", nargs="*", metavar="KIND", help="what goes wrong (default: all that is listed below)")
    add("--cluster", action="store_true", help="on three RabbitMQ nodes, and a Redis with replicas and Sentinels")
    add(
        "--no-replicas",
        action="store_true",
        help="the same, and backends wait for no replica: sightings that are lost are counted and break no promise; "
        "the next fault hits fresh servers then",
    )
    add("--seed", type=int, default=random.randrange(SEEDS), metavar="S", help="the same schedule again (default: any)")
    add("--minutes", type=float, default=MINUTES, metavar="N", help="begin no fault after N minutes (default: 10)")
    add("--events", type=int, metavar="N", help="begin no fault after N sightings")
    add("--faults", type=int, metavar="N", help="end after N faults")
    add("--resume", type=Path, metavar="DIR", help=f"add to what DIR holds (default: {USUAL}, begun anew)")
    add("--json", action="store_true", help="print the result as JSON, too")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # As Ctrl-C: what is mounted is unmounted.
    raise SystemExit(main())

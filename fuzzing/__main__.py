"""Try odd inputs on everything that reads what others wrote, and count what is accepted, refused, and what fails.

A failure is an error that is not documented, a server error, more work or memory than the input's size explains, or
something accepted that does not come back as it came. Its input is kept in .fuzz, as short as it could be made.
"""

import argparse
import os
import random
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from fuzzing.pages import api_of
from fuzzing.pool import DECODERS, fuzz_all
from fuzzing.report import Progress, printed, say, shown
from fuzzing.run import Tally, outcome_of
from fuzzing.services import ROUTES, started
from fuzzing.target import Failure

INPUTS: Final = 100_000
API_SHARE: Final = 0.001
"""Of all inputs, for each service: a request takes a thousand times as long as an input to a decoder."""
FOUND: Final = 1
MISUSED: Final = 2


def main() -> int:
    """Run what the command line names; return 1 when something failed."""
    parser = _parser()
    options = parser.parse_args()
    names = options.targets or [*DECODERS, *ROUTES]
    if unknown := [name for name in names if name not in {*DECODERS, *ROUTES}]:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join([*DECODERS, *ROUTES])}")
    if options.inputs < 1 or options.processes < 1:
        parser.error("--inputs and --processes take 1 or more")
    if options.replay is not None:
        if len(options.targets) != 1:
            parser.error("--replay takes one TARGET, the one that the file was kept for")
        return _replay(names[0], options.replay)
    tallies = _run(names, options)
    shown(tallies, options.seed)
    if options.json:
        printed(tallies, options.seed, sys.argv[1:])
    return FOUND if any(one.failed for one in tallies) else 0


def _parser() -> argparse.ArgumentParser:
    listed = {
        **{name: target.about for name, target in DECODERS.items()},
        **{name: what for name, (_, what) in ROUTES.items()},
    }
    width = max(map(len, listed))
    parser = argparse.ArgumentParser(
        prog="./dev fuzz",
        description=__doc__,
        epilog="targets:\n" + "\n".join(f"  {name:{width}}  {about}" for name, about in listed.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="what to fuzz (default: all that is listed below)")
    parser.add_argument(
        "--inputs",
        type=int,
        default=INPUTS,
        metavar="N",
        help="how many inputs in all (default: %(default)s, a minute or two)",
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(2**32), metavar="S", help="the same inputs again (default: any)"
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        metavar="P",
        help="how many try decoders at once; the inputs are the same (default: one per processor)",
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try the input that was kept of a failure")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, too")
    return parser


def _run(names: Sequence[str], options: argparse.Namespace) -> list[Tally]:
    seed, shares = options.seed, shares_of(names, options.inputs)
    progress = Progress(sum(shares.values()))
    decoders = {name: count for name, count in shares.items() if name in DECODERS}
    tallies = fuzz_all(decoders, seed, progress, options.processes) if decoders else []
    if asked := [name for name in shares if name in ROUTES]:
        with started(say) as services:
            tallies += [api_of(name, services[name]).fuzz(shares[name], seed, progress) for name in asked]
    return tallies


def shares_of(names: Sequence[str], inputs: int) -> dict[str, int]:
    """Return how many of all *inputs* each target gets, by its weight; services get few beside decoders."""
    decoders = [DECODERS[name] for name in dict.fromkeys(names) if name in DECODERS]
    services = [name for name in dict.fromkeys(names) if name in ROUTES]
    of_service = max(1, round(inputs * API_SHARE if decoders else inputs / len(services))) if services else 0
    weights = sum(target.weight for target in decoders)
    left = max(len(decoders), inputs - of_service * len(services))
    shares = {target.name: max(1, -int(-left * target.weight // weights)) for target in decoders}
    return shares | dict.fromkeys(services, of_service)


def _replay(name: str, file: Path) -> int:
    try:
        data = file.read_bytes()
    except OSError as error:
        say(f"error: {file} cannot be read ({error.strerror}); name what a failure was kept in")
        return MISUSED
    with ExitStack() as stack:
        if name in DECODERS:
            outcome = outcome_of(DECODERS[name], data)
        else:
            outcome = api_of(name, stack.enter_context(started(say))[name]).again(data)
    if isinstance(outcome, Failure):
        say(f"fails: {outcome.error} ({outcome.where or 'anywhere'})")
        return FOUND
    say("accepted" if outcome else "refused")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

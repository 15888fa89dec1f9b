"""``parkstream replay --check``: the log folded in memory, against what Redis holds."""

from typing import Any, Final

from msgspec import structs
from parkstream_projection.replay import Checked, Source, check
from parkstream_telemetry import Telemetry, end
from rich.console import Console

from parkstream_cli.connections import Opened
from parkstream_cli.errors import FAILED
from parkstream_cli.progress import progress

PLATES_SHOWN: Final = 10


async def checked(it: Opened, source: Source, to: int | None, telemetry: Telemetry) -> Checked:
    """Fold *source*, up to position *to* if it is given, with a bar, as a span of its own."""
    span = telemetry.steps.replay(mode="check")
    try:
        with progress("folding the log") as reached:
            result = await check(source, it.redis, it.keys, to=to, on_progress=reached)
    except BaseException as error:
        end(span, error=error)
        raise
    end(span, events=result.events, hash_equal=result.equal)
    return result


def answer_of(result: Checked) -> dict[str, Any]:
    """Return *result* as it is printed with ``--json``."""
    speed = result.events / result.seconds if result.seconds else 0.0
    return {
        **structs.asdict(result),
        "seconds": round(result.seconds, 3),
        "events_per_second": round(speed, 1),
        "hash_equal": result.live_hash in {None, result.hash} and result.first_difference is None,
    }


def tell(result: Checked, console: Console) -> None:
    """Say what *result* comes to."""
    speed = result.events / result.seconds if result.seconds else 0.0
    console.print(f"{result.events:,} records folded in {result.seconds:.1f} s ({speed:,.0f}/s)")
    console.print(f"{result.compared:,} kept hashes and {result.plates_compared:,} plates compared")
    if result.equal:
        console.print(f"[green]equal[/] {result.hash}")
        return
    if span := result.first_difference:
        console.print(f"[red]different[/] after position {span.after:,}, by position {span.through:,}")
    if plates := result.plates_different:
        more = f" and {len(plates) - PLATES_SHOWN:,} more" if len(plates) > PLATES_SHOWN else ""
        console.print(f"[red]different[/] plates in Redis: {', '.join(plates[:PLATES_SHOWN])}{more}")
    console.print("rebuild with parkstream replay, look at the differences, and make it live with --switch")


def exit_code_of(result: Checked) -> int:
    """Return 1 when anything differs."""
    return 0 if result.equal else FAILED

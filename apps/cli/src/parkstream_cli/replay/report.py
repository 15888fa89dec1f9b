"""What came of a replay, for a person; and why a switch was refused."""

from rich.console import Console

from parkstream_cli.errors import ToolError
from parkstream_cli.replay.run import Result, Wish


def tell(result: Result, console: Console) -> None:
    """Print *result*."""
    console.print(
        f"version {result.version}: {result.events:,} records in {result.seconds:,.1f} s, up to {result.checkpoint:,}"
    )
    if result.hash_equal:
        console.print(f"the same as version {result.live}, bit for bit: {result.hash}")
    else:
        console.print(f"not the same as version {result.live}: {result.hash} instead of {result.live_hash}")
        console.print(f"{result.differences:,} visits are said otherwise")
    for one in result.examples:
        console.print(f"  {one['visit_id']}: {one['now']}, written so far: {one['shown']}", markup=False)
    if result.switched:
        console.print(f"version {result.version} is live; parkstream replay --rollback goes back to {result.live}")


def refuse(result: Result, wish: Wish) -> None:
    """Raise ``ToolError`` when *wish* could not be fulfilled because of differences."""
    if result.switched or not (wish.switch or wish.rollback):
        return
    again = "--rollback --deliver" if wish.rollback else f"--version {result.version} --switch --deliver"
    message = (
        f"version {result.version} says {result.differences:,} visits otherwise than they were written, so version "
        f"{result.live} stays live: parkstream replay {again} makes it live and has those visits written, each as its "
        "next revision"
    )
    raise ToolError(message)

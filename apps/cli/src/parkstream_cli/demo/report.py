"""How a demo ends: one car's way and the slowest, the account, and where the summaries are."""

from rich.console import Console
from rich.table import Table

from parkstream_cli.demo.live_table import spread
from parkstream_cli.demo.run import Result
from parkstream_cli.demo.trace_sink import Shown
from parkstream_cli.traces.terminal import about, draw


def tell(result: Result, console: Console) -> None:
    """Print the account of *result*, the path of the summary file and its first lines."""
    if result.cars is not None:
        tell_of(result.cars, console)
    table = Table(title="Account", title_justify="left", show_header=False)
    for line in result.equations:
        verdict = "[green]balances[/green]" if line.holds else "[bold red]DOES NOT[/bold red]"
        table.add_row(line.says, f"{line.left:,}", "=" if line.holds else "≠", f"{line.right:,}", verdict)
    console.print(table)
    account = result.account
    ending = [
        f"matched share   {account.matched_share:.2%} of {account.exits_published:,} exits",
        f"exit to disk    p50/p95/p99 {spread(account.exit_to_disk_ms)}",
        f"  when pending  p50/p95/p99 {spread(account.held_exit_to_disk_ms)}",
        *(["any other car   parkstream trace PLATE"] if result.cars is not None else []),
        f"summary file    {account.summary_file}",
        *result.first_lines,
    ]
    console.print("\n".join(ending), highlight=False, markup=False, soft_wrap=True)


def tell_of(cars: Shown, console: Console) -> None:
    """Draw where the time of two cars went."""
    draw(cars.typical, f"One car: {about(cars.typical)}", console)
    draw(cars.slowest, f"The slowest: {about(cars.slowest)}", console)

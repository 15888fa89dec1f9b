"""How a demo ends: the account, and where the summaries are."""

from rich.console import Console
from rich.table import Table

from parkstream_cli.demo.accounting import Milliseconds
from parkstream_cli.demo.run import Result


def tell(result: Result, console: Console) -> None:
    """Print the account of *result*, the path of the summary file and its first lines."""
    table = Table(title="Account", title_justify="left", show_header=False)
    for line in result.equations:
        verdict = "[green]balances[/green]" if line.holds else "[bold red]DOES NOT[/bold red]"
        table.add_row(line.says, f"{line.left:,}", "=" if line.holds else "≠", f"{line.right:,}", verdict)
    console.print(table)
    account = result.account
    ending = [
        f"matched share   {account.matched_share:.2%} of {account.exits_published:,} exits",
        f"exit to disk    {_spread(account.exit_to_disk_ms)}",
        f"  when held     {_spread(account.held_exit_to_disk_ms)}",
        f"summary file    {account.summary_file}",
        *result.first_lines,
    ]
    console.print("\n".join(ending), highlight=False, markup=False, soft_wrap=True)


def _spread(found: Milliseconds) -> str:
    values = {"p50": found.p50, "p95": found.p95, "p99": found.p99}
    return "   ".join(f"{name} {value:,.1f} ms" for name, value in values.items() if value is not None) or "nothing"

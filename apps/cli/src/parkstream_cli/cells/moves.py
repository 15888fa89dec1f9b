"""Which move ``parkstream cells move`` is asked for, or goes on with, and what it prints of it."""

from typing import Final, NamedTuple

from parkstream_operations.cells.cells_file import Cells

from parkstream_cli.cells.broker_move import BrokerAnswer, BrokerMove, broker_move_of
from parkstream_cli.cells.move import Answer, Move, move_of
from parkstream_cli.cells.origin import REDIS, origin_of
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import line

ONE: Final = "move to one of both, and when that has ended to the other: --redis-url or --rabbitmq-url"
BEGUN: Final = "a move to another {} has begun: finish it (run it again without an address), or take it --back"
LEFT: Final = "what is left at the old place is closed; delete it when you have a backup of the new one"
VHOST_LEFT: Final = "what is left at the old place is closed and empty: delete its vhost and the mall's users there"


class Servers(NamedTuple):
    """Addresses of a mall's servers; None of one that stays."""

    redis_url: str | None
    rabbitmq_url: str | None


def moving_of(cells: Cells, mall: str, at: Servers, to: Servers, *, back: bool) -> Move | BrokerMove:
    """Return the move of *mall*, which is *at* servers, that is asked for or has begun; raise ``ToolError``."""
    if to.redis_url and to.rabbitmq_url:
        raise ToolError(ONE, exit_code=MISUSED)
    named = cells.cell(mall).redis_url_file
    if to.rabbitmq_url and named and origin_of(cells.path.parent / named, REDIS) is not None:
        raise ToolError(BEGUN.format("Redis"))
    broker = broker_move_of(cells, mall, at.rabbitmq_url or "", to.rabbitmq_url, back=back)
    if broker is None:
        return move_of(cells, mall, at.rabbitmq_url or "", at.redis_url or "", to.redis_url, back=back)
    if to.redis_url:
        raise ToolError(BEGUN.format("RabbitMQ"))
    return broker


def show_moved(mall: str, answer: Answer | BrokerAnswer) -> None:
    """Print what a move of *mall* came to."""
    if isinstance(answer, BrokerAnswer):
        _show_broker(mall, answer)
        return
    moved = answer.moved
    line(f"{mall}: {moved.records:,} records and {moved.keys:,} keys moved, equal on both sides; log {moved.log_id}")
    line(
        f"nothing was recorded for {answer.pause_seconds:.1f} s: to copy and compare took {moved.closed_seconds:.1f} s"
    )
    line(LEFT)


def _show_broker(mall: str, answer: BrokerAnswer) -> None:
    sightings = answer.taken.sightings + answer.late.sightings
    dead_letters = answer.taken.dead_letters + answer.late.dead_letters
    line(f"{mall}: {sightings:,} sightings and {dead_letters:,} dead letters that waited went over")
    line(f"nothing was recorded for {answer.pause_seconds:.1f} s")
    if answer.copies_left:
        line(f"{answer.copies_left:,} entries that the exit generator had not read stay: it lets those cars stay in")
    line(VHOST_LEFT)

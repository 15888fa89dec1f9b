"""The one console of all commands: it shows texts as they are, never as markup, and only ours has colours."""

from typing import Any, Final

from parkstream_service.plain_text import plain
from rich.console import Console
from rich.text import Text

GOOD: Final = "green"
BAD: Final = "red"


class PlainConsole(Console):
    """What it is given as a ``str``, in a table's cell too, is data: no markup, no emoji, nothing that steers."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of rich
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - those of rich
        """Return *text* as it is shown: rich calls this for every ``str``."""
        return super().render_str(plain(text), **options)

    def say(self, *parts: str | tuple[str, str]) -> None:
        """Print one line, however long, of texts and of (text, style) pairs."""
        self.print(words(*parts), soft_wrap=True)


def words(*parts: str | tuple[str, str]) -> Text:
    """Return one line of texts and of (text, style) pairs."""
    return Text.assemble(*(plain(part) if isinstance(part, str) else (plain(part[0]), part[1]) for part in parts))

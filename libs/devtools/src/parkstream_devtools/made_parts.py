"""Parts of pages that are made from results: what stands between two marks."""

from pathlib import Path
from typing import NamedTuple


class Marks(NamedTuple):
    """The lines around a made part."""

    begin: str
    end: str

    def around(self, text: str) -> str:
        """Return *text* as it stands on a page."""
        return f"{self.begin}\n{text}\n{self.end}"

    def put(self, page: Path, text: str) -> None:
        """Let *text* stand on *page* instead of what does; raise ``ValueError`` when the marks are not there."""
        before, found, rest = page.read_text(encoding="utf-8").partition(self.begin)
        _, ended, after = rest.partition(self.end)
        if not (found and ended):
            message = f"{page} has no lines {self.begin!r} and {self.end!r}: write them where the part belongs"
            raise ValueError(message)
        page.write_text(f"{before}{self.around(text)}{after}", encoding="utf-8")


def marks_of(module: str) -> Marks:
    """Return the marks of what ``python -m`` *module* makes."""
    return Marks(f"<!-- made by `python -m {module}` -->\n", "<!-- made so far -->\n")

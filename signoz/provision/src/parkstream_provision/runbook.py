"""Shows docs/runbook.md in a browser, so that the link of an alert ends at its heading."""

import html
import re
from pathlib import Path
from typing import Final

HEADING: Final = re.compile(r"^(#{1,3}) (.+)$")
STYLE: Final = "body{max-width:60em;margin:2em auto;font-family:sans-serif}pre{white-space:pre-wrap;font:inherit}"


def page(runbook: Path) -> str:
    """Return *runbook* as a page: its headings can be linked to, the rest is as it was written."""
    body = "\n".join(_line(line) for line in runbook.read_text(encoding="utf-8").splitlines())
    return f"<!doctype html><title>Runbook</title><style>{STYLE}</style><pre>{body}</pre>"


def anchor(heading: str) -> str:
    """Return what a link to *heading* ends with, as Git hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _line(line: str) -> str:
    found = HEADING.match(line)
    if not found:
        return html.escape(line)
    level = len(found[1])
    return f'<h{level} id="{anchor(found[2])}">{html.escape(found[2])}</h{level}>'

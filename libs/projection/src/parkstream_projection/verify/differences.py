"""Summaries as the log says them and as the file has them, one by one."""

from collections.abc import Iterable

from parkstream_eventlog.verify import Finding, Findings

from parkstream_projection.verify.contents import NAMES, Content, Pair, pair_of, position_of

KEEP = "something else than the summary API wrote to the file: keep a copy, and restore the file from a backup"


class Differences:
    """What is expected in a file, and what of that is found, and how; adds to *findings*."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._expected: dict[Pair, Content] = {}
        self._found: set[Pair] = set()

    def expect(self, contents: Iterable[Content]) -> None:
        """Note that the file should have *contents*."""
        self._expected.update((pair_of(content), content) for content in contents)

    def see(self, content: Content) -> None:
        """Note that the file has *content*."""
        pair, position = pair_of(content), position_of(content)
        expected = self._expected.get(pair)
        if pair in self._found:
            self._add("summary_repeated", position, pair, "stands in the file more than once", KEEP)
        elif expected is None:
            self._add("summary_extra", position, pair, "stands in the file, but the log does not say it", KEEP)
        elif expected != content:
            what = f"has other {_differing(expected, content)} in the file than the log says"
            self._add("summary_differs", position_of(expected), pair, what, KEEP)
        self._found.add(pair)

    def report(self) -> None:
        """Find what was not seen."""
        for pair, content in self._expected.items():
            if pair not in self._found:
                what = "was emitted, but is neither in the file nor waiting"
                advice = "parkstream outbox emit-missing emits it again"
                self._add("summary_missing", position_of(content), pair, what, advice)

    def _add(self, kind: str, position: int, pair: Pair, what: str, advice: str) -> None:
        self._findings.add(Finding(kind, f"revision {pair[1]} of {pair[0]!r} {what}", advice, position))


def _differing(one: Content, other: Content) -> str:
    return ", ".join(name for name, a, b in zip(NAMES, one, other, strict=True) if a != b)

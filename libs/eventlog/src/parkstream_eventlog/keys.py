"""Where in Redis one log is. The names are handed in by whoever owns them."""

from typing import Protocol


class LogKeys(Protocol):
    """The names of one log's keys, all in one cluster slot, so that a function may touch them.

    Those of ``log_ids`` and ``log_ids_brief`` end in ``:<day>``, those of ``projection`` in ``:<version>:<name>``; the
    functions check that.
    """

    @property
    def name(self) -> str:
        """Which log it is; its archive says so too."""
        ...

    @property
    def log(self) -> str:
        """Stream: the records, stream id ``<position>-0``."""
        ...

    @property
    def log_meta(self) -> str:
        """Hash: log_id, position, recorded_at_us, archived_through, ids_from_day, ``latest:…`` and ``earlier:…``."""
        ...

    @property
    def log_leases(self) -> str:
        """Hash: who reads the log, to ``<position>:<until>``; until then (µs) nothing after it is archived."""
        ...

    @property
    def log_restoring(self) -> str:
        """Stream: the log as it will be once archived records are back in it."""
        ...

    @property
    def projections(self) -> str:
        """Set: the versions of the projection that exist; what one has not taken in is not archived."""
        ...

    def log_ids(self, day: int) -> str:
        """Hash of one *day* (days since 1970, of event times): letter, time and id to digest and position."""
        ...

    def log_ids_brief(self, day: int) -> str:
        """Hash of one *day*, of recorded times: the same of decisions whose ids are not kept for long."""
        ...

    def projection(self, version: int, name: str) -> str:
        """Key *name* of the projection *version*; the field ``checkpoint`` of ``meta`` is looked at here."""
        ...

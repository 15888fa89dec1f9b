"""Every key in Redis, in one place: ``parkstream:<service>:{<mall>}:<name>``.

The braces are a hash tag: all keys of one mall live in one Redis Cluster slot, so that a function may touch them.
"""

from enum import IntEnum

MALL_PATTERN = r"^[^{}\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+$(?!\n)"
"""What a mall may be called: its name is part of every key."""


class Database(IntEnum):
    """Which Redis DB belongs to which service."""

    BACKEND = 0
    ENTRY_GENERATOR = 1
    EXIT_GENERATOR = 2
    SUMMARY_API = 3


class Keys:
    """The keys of one *service* in one *mall*."""

    def __init__(self, service: str, mall: str) -> None:
        self.mall = mall
        self.prefix = f"parkstream:{service}:{{{mall}}}:"

    def key(self, *names: str | int) -> str:
        """Return the key called by *names*, joined by colons."""
        return self.prefix + ":".join(map(str, names))


class BackendKeys(Keys):
    """The log, the projections and the outbox."""

    def __init__(self, mall: str) -> None:
        super().__init__("backend", mall)
        self.name = mall
        """The log is called by its mall."""
        self.log = self.key("log")
        """Stream: the records, stream id ``<position>-0``."""
        self.log_meta = self.key("log", "meta")
        """Hash: log_id, position, recorded_at_us, archived_through, ids_from_day, ``latest:…`` and ``earlier:…``."""
        self.log_leases = self.key("log", "leases")
        """Hash: who reads the log, to ``<position>:<until>``; until then (µs) nothing after it is archived."""
        self.log_restoring = self.key("log", "restoring")
        """Stream: the log as it will be once archived records are back in it."""
        self.log_types = self.key("log", "types")
        """Hash: the types of sightings that the programs can read which ever recorded to the log, each to 1."""
        self.log_replicated = self.key("log", "replicated")
        """Hash: what is written before it is waited for replicas; it says nothing."""
        self.projections = self.key("projections")
        """Set: the versions of the projection that exist."""
        self.outbox = self.key("outbox")
        """Stream: summaries that are not delivered yet, stream id ``<position>-<n>``."""
        self.outbox_meta = self.key("outbox", "meta")
        """Hash: emitted_through (position), live (projection version), emitted (pairs), emitted_again, delivered."""
        self.outbox_parked = self.key("outbox", "parked")
        """Hash: outbox id to the summary that the server refused, with its problem."""

    def consumer_reports(self, queue: str) -> str:
        """Hash: consumer of *queue* to ``<subscribed>:<recorded through>:<leaves>`` (µs), its last report."""
        return self.key("record", "reports", queue)

    def log_ids(self, day: int) -> str:
        """Hash of one *day* (days since 1970, of event times): letter, time and id to digest and position."""
        return self.key("log", "ids", day)

    def log_ids_brief(self, day: int) -> str:
        """Hash of one *day*, of recorded times: the same of decisions about the watermark, kept for a day only."""
        return self.key("log", "brief", day)

    def projection(self, version: int, name: str) -> str:
        """Key *name* of the projection *version*."""
        return self.key("projection", version, name)


class ExitGeneratorKeys(Keys):
    """Who is parked, and which exits are meant but not confirmed."""

    def __init__(self, mall: str) -> None:
        super().__init__("exit-generator", mall)
        self.parked = self.key("parked")
        """Sorted set: entry id, by when the car leaves (microseconds since 1970)."""
        self.cars = self.key("cars")
        """Hash: entry id to the car, for those parked."""
        self.left = self.key("left")
        """Sorted set: entry ids of the latest cars that left, so that an entry delivered again parks nobody twice."""
        self.intents = self.key("intents")
        """Hash: event id to the exit that is meant but not confirmed."""
        self.account = self.key("account")
        """Hash: what was made so far, and what RabbitMQ confirmed of it."""
        self.replicated = self.key("replicated")
        """Hash: what is written before it is waited for replicas; it says nothing."""


class EntryGeneratorKeys(Keys):
    """Which entries are meant but not confirmed, and where the plate range stands."""

    def __init__(self, mall: str) -> None:
        super().__init__("entry-generator", mall)
        self.intents = self.key("intents")
        """Hash: event id to the entry that is meant but not confirmed."""
        self.account = self.key("account")
        """Hash: what was made so far, and what RabbitMQ confirmed of it."""
        self.replicated = self.key("replicated")
        """Hash: what is written before it is waited for replicas; it says nothing."""


class SummaryApiKeys(Keys):
    """The index of the summary file."""

    def __init__(self, mall: str) -> None:
        super().__init__("summary-api", mall)
        self.index_meta = self.key("index", "mark")
        """Hash: how far the file is indexed, counters, and per day between which bytes of the file its lines are."""

    def index_day(self, day: int | None) -> str:
        """Hash of one *day* (days since 1970, of the event in the visit's id): digest of the id to its places."""
        return self.key("index", "undated" if day is None else day)

    def index_restoring(self, day: int | None) -> str:
        """Hash of one *day* as it will be once it is restored."""
        return self.key("index", "restoring", "undated" if day is None else day)

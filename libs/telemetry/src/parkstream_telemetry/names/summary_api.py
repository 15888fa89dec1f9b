"""What the summary API emits."""

from parkstream_events.summaries import ItemStatus

from parkstream_telemetry.kinds import COUNTS, SECONDS, Attribute, Event, Metric
from parkstream_telemetry.names import attributes as a

HTTP_REQUEST_DURATION = Metric(
    "http.server.request.duration",
    "histogram",
    "s",
    "Time of a request.",
    (a.ATTRIBUTE_HTTP_METHOD, a.ATTRIBUTE_HTTP_ROUTE, a.ATTRIBUTE_HTTP_STATUS, a.ATTRIBUTE_URL_SCHEME),
    SECONDS,
)
SUMMARIES = Metric(
    "parking.summaries", "counter", "{item}", "Summaries answered, by status.", (a.ATTRIBUTE_STATUS.of(*ItemStatus),)
)
SUMMARY_LINES = Metric("parking.summary_file.lines", "gauge", "{line}", "Lines in the summary file.")
SUMMARY_BYTES = Metric("parking.summary_file.size", "gauge", "By", "Length of the summary file.")
SUMMARY_FILE_CHANGED = Metric(
    "parking.summary_file.changed",
    "gauge",
    "1",
    "1 while the file at the path is not what the service wrote: moved, replaced, deleted, cut or changed.",
)
SYNC_DURATION = Metric(
    "parking.summary_file.sync.duration", "histogram", "s", "Time of one append and fsync.", (), SECONDS
)
SYNC_SIZE = Metric(
    "parking.summary_file.sync.size", "histogram", "{line}", "Lines made durable by one fsync.", (), COUNTS
)

EVENT_FILE_REPAIRED = Event(
    "summary_file.repaired",
    "warning",
    "The file ended in the middle of a line, which was cut off.",
    (Attribute("bytes", "int", "Bytes cut off."),),
)
EVENT_WRITE_FAILED = Event(
    "summary_file.write_failed", "error", "Nothing could be made durable.", (a.ATTRIBUTE_DETAIL,)
)
EVENT_INDEXED = Event(
    "summary_file.indexed",
    "info",
    "How far Redis knows the file: at the start, and after Redis was away or lost what it knew.",
    (
        Attribute("step", "str", "`progress`, `done`, or `another_file` when it starts anew."),
        Attribute("indexed_bytes", "int", "Bytes of the file that are indexed."),
        Attribute("bytes", "int", "Bytes of the file."),
    ),
)
EVENT_REQUEST_FAILED = Event("request.failed", "error", "A request or a part of the service met an unforeseen error.")

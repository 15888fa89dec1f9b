"""Whether the log is what it promises.

Reading order: findings, records, sums, comparison (pure), tolerant_reader, index, run.

Records and index entries are compared by order-free sums per range of positions, so that memory stays bounded; only
ranges whose sums differ are compared entry by entry.
"""

from parkstream_eventlog.verify.findings import Finding, Findings
from parkstream_eventlog.verify.records import OriginOf, RecordCheck
from parkstream_eventlog.verify.run import LogCheck
from parkstream_eventlog.verify.tolerant_reader import STOPS_PROJECTIONS

__all__ = ["STOPS_PROJECTIONS", "Finding", "Findings", "LogCheck", "OriginOf", "RecordCheck"]

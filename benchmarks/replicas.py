"""What waiting for a replica of Redis costs: events per second, and the milliseconds of an exit's way to disk.

The same drain and the same rate, in turn, on one Redis and on one with a replica that backends wait for; the replica
runs on the same cores, and writes each record to its own disk.
"""

from parkstream_devtools import RabbitServer, Sandbox

from benchmarks import drain, latency
from benchmarks.results import Row

PAIRS = 10_000
RATE = 100.0
COLUMNS = ("replicas", "events_per_second", "cpu_us_per_event", "exit_to_disk_ms", "pending_exit_to_disk_ms")


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, seconds: float) -> list[Row]:
    """Return a row without replicas and one with a replica; the rate lasts *seconds*."""
    rows = []
    for replicas in (0, 1):
        within = drain.SHUFFLED_WITHIN_SECONDS
        drained = drain.measure(sandbox, rabbitmq, "parkstream", PAIRS, within, traced=False, replicas=replicas)
        decided, pending = latency.measure(sandbox, rabbitmq, RATE, seconds, traced=False, replicas=replicas)
        rows.append(
            {
                "name": "parkstream",
                "replicas": replicas,
                "pairs": PAIRS,
                "rate": RATE,
                "events_per_second": drained["events_per_second"],
                "cpu_us_per_event": drained["cpu_us_per_event"],
                "exit_to_disk_ms": {name: decided[f"{name}_ms"] for name in ("p50", "p95", "p99")},
                "pending_exit_to_disk_ms": {name: pending[f"{name}_ms"] for name in ("p50", "p95", "p99")},
            }
        )
    return rows

"""What others report through the gateway: RabbitMQ's plugin, Redis, the host; names as SigNoz has them."""

from typing import Final

from parkstream_telemetry.kinds import Metric

from parkstream_definitions.figures import labelled

QUEUE: Final = "queue"
MOUNTPOINT: Final = "mountpoint"

QUEUE_READY = Metric(
    "rabbitmq_detailed_queue_messages_ready", "gauge", "{message}", "Messages that wait.", labelled(QUEUE)
)
QUEUE_UNACKED = Metric(
    "rabbitmq_detailed_queue_messages_unacked",
    "gauge",
    "{message}",
    "Messages delivered, not settled.",
    labelled(QUEUE),
)
QUEUE_CONSUMERS = Metric("rabbitmq_detailed_queue_consumers", "gauge", "{consumer}", "Consumers.", labelled(QUEUE))
PUBLISHED = Metric("rabbitmq_global_messages_received_total", "counter", "{message}", "Messages taken from publishers.")
CONFIRMED = Metric("rabbitmq_global_messages_confirmed_total", "counter", "{message}", "Messages confirmed.")
DELIVERED = Metric("rabbitmq_global_messages_delivered_total", "counter", "{message}", "Messages handed to consumers.")
ACKNOWLEDGED = Metric("rabbitmq_global_messages_acknowledged_total", "counter", "{message}", "Messages settled.")
REDELIVERED = Metric("rabbitmq_global_messages_redelivered_total", "counter", "{message}", "Messages handed out again.")
UNROUTABLE = Metric(
    "rabbitmq_global_messages_unroutable_returned_total", "counter", "{message}", "Messages that no queue took."
)
RABBITMQ_MEMORY = Metric("rabbitmq_process_resident_memory_bytes", "gauge", "By", "Memory of the broker.")
RABBITMQ_DISK_FREE = Metric("rabbitmq_disk_space_available_bytes", "gauge", "By", "Free on the broker's disk.")

REDIS_MEMORY = Metric("redis.memory.used", "gauge", "By", "Memory that Redis' data takes.")
REDIS_MAXMEMORY = Metric("redis.maxmemory", "gauge", "By", "Memory that Redis may take.")

DISK_USED = Metric(
    "system.filesystem.utilization", "gauge", "1", "Share of a file system in use.", labelled(MOUNTPOINT)
)
"""Only there with deploy/otel-collector/hosts.yaml."""

ALL: Final = [one for one in list(globals().values()) if isinstance(one, Metric)]

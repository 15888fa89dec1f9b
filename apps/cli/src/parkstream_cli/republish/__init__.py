"""Recorded sightings through RabbitMQ once more. Reading order: plan, messages, pace, outlet, exchanges, run."""

from typing import Final

HELP: Final = """\
Send recorded sightings through RabbitMQ once more: real load for a test system.

The log is read where PARKSTREAM_REDIS_URL is, the messages go where PARKSTREAM_RABBITMQ_URL is. Nothing else in Redis
is touched, and nothing is posted. Messages are as cameras send them, but without their traces.

Ids and times stay as they are, so a system that has recorded the sightings answers "duplicate". With other times
(--as-if-now) or other ids (--new-ids) they are other sightings, and recorded. Those that happened longer ago than
PARKSTREAM_DEDUPE_DAYS are refused; --as-if-now moves their times, those of a faster pace ahead of the clock.

What is interrupted prints the command that goes on; what was sent but not confirmed by then is sent again.
"""

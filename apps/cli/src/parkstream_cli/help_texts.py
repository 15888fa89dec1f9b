"""Help of the commands that are imported only when they are used: FastStream would cost every command 0.2 s."""

from typing import Final

DEAD_LETTERS_HELP: Final = """\
List messages that the backend refused; send them again.

A dead letter is a message that is no valid sighting, or came too late. It is kept here with the reason.
"""

REPUBLISH_HELP: Final = """\
Send recorded sightings through RabbitMQ again: real load for a test system.

Reads the log at PARKSTREAM_REDIS_URL and publishes to PARKSTREAM_RABBITMQ_URL, as cameras do, but without traces. It
changes nothing in Redis and posts nothing.

A system that has recorded these ids already ignores them as duplicates; --new-ids makes it record them again. With
--as-if-now alone the same ids come with other times, which such a system reports as id_conflict. Sightings that
happened longer ago than PARKSTREAM_DEDUPE_DAYS are refused; --as-if-now moves their times to now. At a higher --speed
the times then run ahead of the clock.

An interrupted run prints the command that sends the rest; what was sent but not confirmed by then is sent again.
"""

"""What RabbitMQ lacks or refuses, in words that say what to do."""


class MessagingError(Exception):
    """RabbitMQ lacks something or refuses it; the text says what to do."""


class TopologyMissingError(MessagingError):
    """What only the backend declares is not there (yet)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"RabbitMQ has no {name}: start the backend, which declares it, or import the definitions")
        self.name = name


class TopologyMismatchError(MessagingError):
    """A queue exists with other arguments than ours; *queue* names it."""

    def __init__(self, queue: str, problem: str) -> None:
        super().__init__(
            f"{queue} exists with other arguments ({problem}). Drain it and delete it while Parkstream is stopped "
            f"(rabbitmqctl delete_queue {queue}), then start again: it is declared anew.",
        )
        self.queue = queue

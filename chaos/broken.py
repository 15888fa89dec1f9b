"""What a campaign looks for."""


class BrokenPromiseError(Exception):
    """Something that Parkstream promises did not hold; the message has what was found."""

"""JSON as types: what is no object or no list is as good as an empty one."""

from typing import Any, cast

Json = dict[str, Any]


def fields(answer: object) -> Json:
    """Return *answer* if it is an object."""
    return cast("Json", answer) if isinstance(answer, dict) else {}


def entries(answer: object) -> list[Any]:
    """Return *answer* if it is a list."""
    return cast("Any", answer) if isinstance(answer, list) else []

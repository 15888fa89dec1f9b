"""What a field takes, in words; and what its annotation says about it."""

from typing import Any, Final, cast

from msgspec import inspect

_COLLECTIONS: Final = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)


def words_of(kind: inspect.Type) -> str:
    """Return what *kind* takes: ``int from 1 to 10000``, ``json | pretty``, ``text, optional``."""
    match kind:
        case inspect.Metadata():
            return words_of(kind.type)
        case inspect.UnionType():
            return _words_of_union(kind)
        case inspect.LiteralType():
            return " | ".join(map(str, kind.values))
        case inspect.EnumType():
            return " | ".join(str(member.value) for member in kind.cls)
        case inspect.ListType() | inspect.SetType() | inspect.FrozenSetType() | inspect.VarTupleType():
            return f"list of {words_of(kind.item_type)}"
        case _:
            return _words_of_scalar(kind)


def _words_of_union(kind: inspect.UnionType) -> str:
    some = [words_of(each) for each in kind.types if not isinstance(each, inspect.NoneType)]
    return " or ".join(some) + (", optional" if len(some) < len(kind.types) else "")


def _words_of_scalar(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType() | inspect.FloatType():
            return _words_of_number(kind)
        case inspect.BoolType():
            return "true | false"
        case inspect.StrType(pattern=str(pattern)):
            return f"text like {pattern}"
        case _:
            return "text"


def _words_of_number(kind: inspect.IntType | inspect.FloatType) -> str:
    word = "int" if isinstance(kind, inspect.IntType) else "float"
    if kind.ge is not None and kind.le is not None:
        return f"{word} from {_plain(kind.ge)} to {_plain(kind.le)}"
    limits = {"≥": kind.ge, ">": kind.gt, "≤": kind.le, "<": kind.lt}
    bounds = " and ".join(f"{sign} {_plain(limit)}" for sign, limit in limits.items() if limit is not None)
    return f"{word} {bounds}" if bounds else word


def _plain(limit: float) -> str:
    return str(int(limit)) if limit == int(limit) else str(limit)


def extras_of(kind: inspect.Type) -> dict[str, Any]:
    """Return what ``Meta(description=…, extra={…})`` says anywhere in *kind*."""
    match kind:
        case inspect.Metadata():
            extended = cast("Any", kind)
            return {**(extended.extra_json_schema or {}), **(extended.extra or {}), **extras_of(kind.type)}
        case inspect.UnionType():
            return {name: value for each in kind.types for name, value in extras_of(each).items()}
        case _:
            return {}


def is_collection(kind: inspect.Type) -> bool:
    """Tell whether *kind* takes several values, written with commas between them."""
    if isinstance(kind, inspect.Metadata):
        return is_collection(kind.type)
    return isinstance(kind, _COLLECTIONS)

"""Texts of others as they are shown on a terminal: nothing in them steers it, turns the line around, or hides."""


def plain(text: str, *, keep: str = "") -> str:
    """Return *text* with all that is not printable as escapes, the characters in *keep* aside."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)


def plain_json(text: str) -> str:
    """Return the JSON *text*, one line, with the same meaning and nothing in it that is not printable."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _in_json(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

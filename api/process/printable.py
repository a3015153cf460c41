"""Makes words printable that others wrote, before a terminal or a log shows them."""

import json


def escape_unprintable(words: str) -> str:
    """Writes what cannot be printed as JSON's escapes, so that no terminal obeys a sequence in the words."""
    return words if words.isprintable() else "".join(map(_escape, words))


def escape_lines(words: str) -> str:
    """Does the same and keeps the line breaks."""
    return "\n".join(map(escape_unprintable, words.split("\n")))


def _escape(letter: str) -> str:
    """Returns a letter, or for an unprintable one the escape that JSON has for it."""
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]

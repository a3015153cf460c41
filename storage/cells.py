"""What a cell of a spreadsheet may hold: no text that is taken for a formula."""

from typing import Any

BOM = "\ufeff"
"""Without it the office's spreadsheet takes UTF-8 for GBK."""
_FORMULA = frozenset("=+-@\t\r")


def plain(value: Any) -> Any:
    """The value, where it is text that begins like a formula with an apostrophe before it (OWASP: CSV Injection)."""
    if isinstance(value, str) and (begun := value.lstrip(" \n\u3000")) and begun[0] in _FORMULA:
        return f"'{value}"
    return value

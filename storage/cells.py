"""What a cell of a spreadsheet may hold: no text that is taken for a formula."""

BOM = "\ufeff"
"""Without it the office's spreadsheet takes UTF-8 for GBK."""
_FORMULA = frozenset("=+-@\t\r")
_SKIPPED = " \n\u3000"
_SUSPECT = _FORMULA | frozenset(_SKIPPED)


def plain(value: str | None) -> str | None:
    """The text, with an apostrophe before it where it begins like a formula (OWASP: CSV Injection)."""
    if not value or value[0] not in _SUSPECT:  # most: this is asked of every cell of a ledger
        return value
    begun = value.lstrip(_SKIPPED)
    return f"'{value}" if begun and begun[0] in _FORMULA else value

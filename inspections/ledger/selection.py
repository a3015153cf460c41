"""The ledger (电子台账): which hazards are in it."""

from datetime import date

from msgspec import Struct

from inspections.accounts.policy import Scope
from inspections.office.categories import Severity


class Selection(Struct, frozen=True):
    """Which hazards are in it: what somebody may see, and of which also names and words (`personal`).

    Dates are Shanghai days of the report, both included; None: all time. `public_url`: what addresses begin with.
    """

    see: Scope
    personal: Scope
    public_url: str = ""
    community: str | None = None
    street: str | None = None
    categories: tuple[str, ...] | None = None
    severity: Severity | None = None
    source: str | None = None
    first: date | None = None
    last: date | None = None

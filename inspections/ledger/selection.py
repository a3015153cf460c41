"""The selection of hazards that a ledger (电子台账) contains."""

from datetime import date

from msgspec import Struct

from inspections.accounts.policy import Scope
from inspections.office.categories import Severity


class Selection(Struct, frozen=True):
    """The hazards of a ledger: those in the scope `see`; names and free text only of those in `personal`.

    Of several communities, streets, severities or sources any matches; none is no filter, as None for `categories`.
    Dates are Shanghai days of the report, both included; None: all time. `public_url`: what photo links begin with: the
    address of the server, or only its path.
    """

    see: Scope
    personal: Scope
    public_url: str = ""
    communities: tuple[str, ...] = ()
    streets: tuple[str, ...] = ()
    categories: tuple[str, ...] | None = None
    severities: tuple[Severity, ...] = ()
    sources: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None

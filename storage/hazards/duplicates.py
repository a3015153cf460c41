"""Queries that find earlier reports near a hazard through indexes, for inspections/hazards/duplicates.py.

They are built once at import, since every report runs them.
"""

from sqlalchemy import BigInteger, bindparam, select

from inspections.hazards.duplicates import WINDOW, EarlierReport
from inspections.hazards.records import OPEN_STATES, Hazard
from inspections.places.coordinates import cells_around
from storage.engine.columns import in_constants
from storage.engine.rows import RowAccess
from storage.hazards.tables import hazards

_MAX_NEAR = 30
"""The limit for nearby hazards of one category within 72 hours: the newest are sufficient."""
_MAX_SAME_PLACE = 5
_H = hazards.c

_OPEN_SINCE = (
    select(*(_H[name] for name in EarlierReport._fields))
    .where(
        _H.category == bindparam("category"),
        _H.id != bindparam("id"),
        _H.reported_at.between(bindparam("since"), bindparam("until")),
        in_constants(_H.state, OPEN_STATES),
    )
    .order_by(_H.reported_at.desc())
)
_SAME_PLACE = _OPEN_SINCE.where(_H.community == bindparam("community"), _H.place_key == bindparam("place_key")).limit(
    _MAX_SAME_PLACE
)
_CELLS = [f"cell{at}" for at, _ in enumerate(cells_around(0))]
_NEAR = _OPEN_SINCE.where(_H.cell.in_([bindparam(name, type_=BigInteger) for name in _CELLS])).limit(_MAX_NEAR)


def find_earlier_reports(rows: RowAccess, hazard: Hazard) -> list[EarlierReport]:
    """Finds reports of the same place and, if there is a point, nearby. Rows may repeat; no scope is applied."""
    known = {
        "category": hazard.category,
        "id": hazard.id,
        "since": hazard.reported_at - WINDOW,
        "until": hazard.reported_at,
    }
    place = {"community": hazard.community, "place_key": hazard.place_key}
    (found,) = rows.fetch_records(EarlierReport, _SAME_PLACE, [known | place])
    if hazard.cell is not None:
        cells = dict(zip(_CELLS, cells_around(hazard.cell), strict=True))
        (near,) = rows.fetch_records(EarlierReport, _NEAR, [known | cells])
        found += near
    return found

"""Queries over the exports: waiting, old, of a person."""

from typing import Any

from sqlalchemy import Select, bindparam, select

from storage.ledger.tables import exports

_FREE = exports.c.claimed_until.is_(None) | (exports.c.claimed_until < bindparam("now"))
WAITING_EXPORTS = (
    select(exports)
    .where(exports.c.state.in_(["waiting", "making"]), _FREE)
    .order_by(exports.c.asked_at)
    .limit(bindparam("limit"))
)
OLD_EXPORTS = (
    select(exports).where(exports.c.asked_at <= bindparam("now")).order_by(exports.c.asked_at).limit(bindparam("limit"))
)


def select_person_exports(username: str) -> Select[Any]:
    return select(exports).where(exports.c.by == username)

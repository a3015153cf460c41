"""Lists and replays abandoned deliveries for the commands `anxun notices …`, without a running server."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from inspections.errors import Missing
from inspections.notices.actions.delivery import replay
from storage.database import Database, open_database
from storage.engine.connections import owned
from storage.engine.failures import Unready
from storage.migration import check
from storage.notices.inbox import Stuck, stuck

_AT_ONCE = 500


class NoSuchDelivery(Unready):
    """There is no delivery with this id."""


def listed(url: str) -> list[str]:
    """One line of text for each abandoned delivery. Raises WrongSchema, FileNotFoundError."""
    check(url)
    database = open_database(url)
    try:
        return [_line(each) for each in _dead(database)]
    finally:
        asyncio.run(database.close())


def replayed(url: str, delivery: UUID | None) -> int:
    """Requeues one or all abandoned deliveries, and counts them. Raises NoSuchDelivery, DatabaseInUse, WrongSchema."""
    check(url)
    with owned(url):
        return asyncio.run(_replayed(url, delivery))


async def _replayed(url: str, delivery: UUID | None) -> int:
    database = open_database(url)
    try:
        dead = await asyncio.to_thread(_dead, database) if delivery is None else []
        ids = [delivery] if delivery else [each.delivery.id for each in dead]
        for each in ids:
            await database.transact(partial(replay, person=None, delivery_id=each, now=datetime.now(UTC)))
        return len(ids)
    except Missing:
        raise NoSuchDelivery(f"there is no delivery {delivery}") from None
    finally:
        await database.close()


def _dead(database: Database) -> list[Stuck]:
    found: list[Stuck] = []
    while True:
        after = found[-1].delivery.id if found else None
        page = database.ask(partial(stuck, reach=None, dead=True, limit=_AT_ONCE, after=after))
        found += page
        if len(page) < _AT_ONCE:
            return found


def _line(each: Stuck) -> str:
    delivery = each.delivery
    to = ", ".join(delivery.recipients) or "nobody"
    return f"{delivery.id}  {each.kind}  {delivery.channel}  to {to}  {delivery.tries} tries: {delivery.error}"

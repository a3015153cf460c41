"""Lists and replays abandoned deliveries for the commands `anxun notices …`, without a running server."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from inspections.errors import NotFound
from inspections.notices.actions.delivery import retry_delivery
from storage.database import Database, open_database
from storage.engine.connections import write_access
from storage.engine.failures import OperatorError
from storage.migration import check_schema
from storage.notices.inbox import FailedDelivery, failed_deliveries

_AT_ONCE = 500


class NoSuchDelivery(OperatorError):
    """There is no delivery with this id."""


def dead_letter_lines(url: str) -> list[str]:
    """One line of text for each abandoned delivery. Raises WrongSchema, FileNotFoundError."""
    check_schema(url)
    database = open_database(url)
    try:
        return [_format_dead_letter(each) for each in _load_dead_letters(database)]
    finally:
        asyncio.run(database.close())


def replay_dead_letters(url: str, delivery: UUID | None) -> int:
    """Requeues one or all abandoned deliveries, and counts them. Raises NoSuchDelivery, DatabaseInUse, WrongSchema."""
    check_schema(url)
    with write_access(url):
        return asyncio.run(_replay(url, delivery))


async def _replay(url: str, delivery: UUID | None) -> int:
    database = open_database(url)
    try:
        dead = await asyncio.to_thread(_load_dead_letters, database) if delivery is None else []
        ids = [delivery] if delivery else [each.delivery.id for each in dead]
        for each in ids:
            await database.transact(partial(retry_delivery, person=None, delivery_id=each, now=datetime.now(UTC)))
        return len(ids)
    except NotFound:
        raise NoSuchDelivery(f"there is no delivery {delivery}") from None
    finally:
        await database.close()


def _load_dead_letters(database: Database) -> list[FailedDelivery]:
    found: list[FailedDelivery] = []
    while True:
        after = found[-1].delivery.id if found else None
        page = database.read_sync(partial(failed_deliveries, reach=None, dead=True, limit=_AT_ONCE, after=after))
        found += page
        if len(page) < _AT_ONCE:
            return found


def _format_dead_letter(each: FailedDelivery) -> str:
    delivery = each.delivery
    to = ", ".join(delivery.recipients) or "nobody"
    return f"{delivery.id}  {each.kind}  {delivery.channel}  to {to}  {delivery.tries} tries: {delivery.error}"

"""The tables of changes and feeds."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Uuid

from storage.engine.columns import CurrentDay, CurrentTransactionId, Json
from storage.engine.tables import metadata

changes = Table(
    "changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("transaction_id", BigInteger, nullable=False, server_default=CurrentTransactionId()),
    Column("day", Integer, nullable=False, server_default=CurrentDay()),
    Column("hazard", Uuid, nullable=False),  # no foreign key, which would lock the hazard's row again
    Column("lost", Json(tuple[str, ...]), nullable=False, server_default="[]"),
    Index("ix_changes_place", "transaction_id", "id"),
    Index("ix_changes_hazard", "hazard", "transaction_id", "id"),
    sqlite_autoincrement=True,  # ids of deleted changes are not reused
)
feeds = Table(
    "feeds",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("epoch", String(32), nullable=False),
    Column("forgotten_transaction", BigInteger, nullable=False),
    Column("forgotten_id", BigInteger, nullable=False),
)

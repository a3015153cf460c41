"""The environment of alembic, which uses the connection that the caller opened."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from storage.engine.columns import EnumValue, Json
from storage.schema import METADATA
from storage.statistics.tables import POSTGRES_ONLY_INDEX


def render_type(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Renders our column types in a revision as their stored types, so that it stays valid when our types change."""
    if kind == "type" and isinstance(item, EnumValue):
        return "sa.String(length=32)"
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    return False


def include_object(_: Any, name: str | None, kind: str, *__: Any) -> bool:
    return not (kind == "index" and name == POSTGRES_ONLY_INDEX and connection.dialect.name != "postgresql")


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    compare_type=True,
    render_item=render_type,
    include_object=include_object,
)
with context.begin_transaction():
    context.run_migrations()

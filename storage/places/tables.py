"""The tables of streets, communities and their outlines."""

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, false

from inspections.places.community_import import Outline
from storage.engine.columns import Json
from storage.engine.schema import LOCKED, REFERENCE
from storage.engine.tables import CODE, NAME, metadata

streets = Table(
    "streets",
    metadata,
    Column("code", String(9), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("abbreviation", String(16), nullable=False),
    info={LOCKED: True, REFERENCE: True},
)
communities = Table(
    "communities",
    metadata,
    Column("code", CODE, primary_key=True),
    Column("name", NAME, nullable=False),
    info={LOCKED: True, REFERENCE: True},
)
boundaries = Table(
    "boundaries",
    metadata,
    Column("community", CODE, ForeignKey("communities.code"), primary_key=True),
    Column("outline", Json(Outline), nullable=False),
    Column("demo", Boolean, nullable=False, server_default=false()),
    info={LOCKED: True},
)

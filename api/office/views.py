"""Response bodies for categories."""

from msgspec import Struct

from inspections.office.categories import Category


class CategoryList(Struct, frozen=True):
    items: list[Category]

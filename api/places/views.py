"""The response bodies of communities."""

from msgspec import Struct


class CommunityView(Struct, frozen=True):
    code: str
    name: str
    street: str
    street_name: str


class CommunityList(Struct, frozen=True):
    items: list[CommunityView]

"""Decides who sees the full contact data of a responsible party, and masks it for everybody else."""

from typing import Any

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.security_profile import SecurityProfile
from inspections.hazards.records import Hazard, Party

_FULL_NUMBER = 9
_PEOPLE = {"owner", "tenant"}


def may_see_contact(profile: SecurityProfile, person: Person, hazard: Hazard) -> bool:
    """Tells whether this person sees the party's full name and number: its reporters and those who handle it do."""
    own = person.username in {hazard.reporter, *hazard.reporters}
    return not profile.masks or own or scope(person, "hazard.contact").covers(hazard)


def mask_party(party: Party) -> Party:
    """Masks a party's contact as 张*, 139****1234, still recognisable. Names of firms and committees stay visible."""
    name = _mask_name(party.name) if party.kind in _PEOPLE else party.name
    return replace(party, name=name, phone=party.phone and _mask_number(party.phone))


def mask_facts(facts: dict[str, Any], party: Party | None) -> dict[str, Any]:
    """Masks the contact of a party in the facts of a history line, under each word that a line has for it.

    `party`: the hazard's present one, which may have made the fix of the line. Erased words stay null.
    """
    named: dict[str, Any] = facts.get("responsible_party") or {}
    masked = {**facts}
    if named:
        name = _mask_name(named["name"]) if named.get("name") and named["kind"] in _PEOPLE else named.get("name")
        masked["responsible_party"] = {**named, "name": name}
        if named.get("phone"):
            masked["responsible_party"]["phone"] = _mask_number(named["phone"])
    if facts.get("phone"):  # of a line of an old ledger
        masked["phone"] = _mask_number(facts["phone"])
    if party and facts.get("on_behalf_of") == party.name:
        masked["on_behalf_of"] = mask_party(party).name
    return masked


def _mask_name(name: str) -> str:
    return name[0] + "*" * (len(name) - 1)


def _mask_number(phone: str) -> str:
    digits = [at for at, letter in enumerate(phone) if letter.isdigit()]
    hidden = set(digits[3:-4] if len(digits) > _FULL_NUMBER else digits[:-2])
    return "".join("*" if at in hidden else letter for at, letter in enumerate(phone))

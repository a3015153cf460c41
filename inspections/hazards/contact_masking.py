"""Decides who sees the full contact data of a responsible party, and masks it for everybody else."""

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.security_profile import SecurityProfile
from inspections.hazards.records import Hazard, Party

_FULL_NUMBER = 9


def may_see_contact(profile: SecurityProfile, person: Person, hazard: Hazard) -> bool:
    """Tells whether this person sees the party's full name and number: its reporters and those who handle it do."""
    own = person.username in {hazard.reporter, *hazard.reporters}
    return not profile.masks or own or scope(person, "hazard.contact").covers(hazard)


def mask_party(party: Party) -> Party:
    """Masks a party's contact as 张*, 139****1234, still recognisable. Names of firms and committees stay visible."""
    name = party.name[0] + "*" * (len(party.name) - 1) if party.kind in {"owner", "tenant"} else party.name
    return replace(party, name=name, phone=party.phone and _mask_number(party.phone))


def _mask_number(phone: str) -> str:
    digits = [at for at, letter in enumerate(phone) if letter.isdigit()]
    hidden = set(digits[3:-4] if len(digits) > _FULL_NUMBER else digits[:-2])
    return "".join("*" if at in hidden else letter for at, letter in enumerate(phone))

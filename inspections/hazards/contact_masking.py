"""Who sees names and numbers of responsible parties whole, and how they are masked for everybody else."""

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.security_profile import Profile
from inspections.hazards.records import Hazard, Party

_FULL_NUMBER = 9


def contact_shown(profile: Profile, person: Person, hazard: Hazard) -> bool:
    """Whether they see the party's name and number whole: who deals with it, and who reported it."""
    own = person.username in {hazard.reporter, *hazard.reporters}
    return not profile.masks or own or scope(person, "hazard.contact").covers(hazard)


def masked(party: Party) -> Party:
    """张*, 139****1234: enough to recognise what one knows already. Names of firms and committees are no secret."""
    name = party.name[0] + "*" * (len(party.name) - 1) if party.kind in {"owner", "tenant"} else party.name
    return replace(party, name=name, phone=party.phone and _masked_number(party.phone))


def _masked_number(phone: str) -> str:
    digits = [at for at, letter in enumerate(phone) if letter.isdigit()]
    hidden = set(digits[3:-4] if len(digits) > _FULL_NUMBER else digits[:-2])
    return "".join("*" if at in hidden else letter for at, letter in enumerate(phone))

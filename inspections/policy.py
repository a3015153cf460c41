"""ONE table: which role may do which action, and to which objects. Routes, steps and queries all ask here.

A route names its action and does not start without a line in this table; a step is the action `step.<name>`.
"""

from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from inspections.hazards import Hazard
from inspections.people import Grant, Person, Role


class Reach(StrEnum):
    COMMUNITY = "community"  # whatever lies in the communities of the grant
    ASSIGNED = "assigned"  # there, and only what is assigned to the person


_I, _O, _H, _S, _A, _M = Role.INSPECTOR, Role.OFFICER, Role.HANDLER, Role.SUPERVISOR, Role.ANALYST, Role.ADMIN
_C = Reach.COMMUNITY
_EVERYONE = dict.fromkeys(Role, _C)
_FIELD = {_I: _C, _O: _C, _S: _C, _H: Reach.ASSIGNED}  # who sees and works on hazards
_RECHECKERS = {_I: _C, _O: _C}

PUBLIC = "public"
"""The action of routes that need no sign-in."""

POLICY: dict[str, dict[Role, Reach]] = {
    "me": _EVERYONE,
    "place.see": _EVERYONE,
    "people.see": {_O: _C, _S: _C, _M: _C},
    "photo.send": {_I: _C, _O: _C, _H: _C, _S: _C},
    "photo.see": {**_FIELD, _A: _C},
    "photo.original": _FIELD,
    "hazard.report": {_I: _C, _O: _C},
    "hazard.see": {**_FIELD, _A: _C},
    "hazard.personal": _FIELD,  # names, phones, free words: not for analysts
    "hazard.history": _FIELD,
    "rules.see": {_O: _C, _S: _C, _M: _C},
    "rules.edit": {_M: _C},
    "statistics.see": {_O: _C, _S: _C, _A: _C, _I: _C},
    "step.accept": {_O: _C},
    "step.reject": {_O: _C},
    "step.merge": {_O: _C},
    "step.verify": {_I: _C, _O: _C},
    "step.assign": {_O: _C},
    "step.return": {_H: Reach.ASSIGNED},
    "step.start": {_H: Reach.ASSIGNED},
    "step.submit_fix": {_H: Reach.ASSIGNED, _O: _C},
    "step.recheck.pass": _RECHECKERS,
    "step.recheck.fail": _RECHECKERS,
    "step.recheck.partial": _RECHECKERS,
    "step.recheck.refused": {_O: _C},
    "step.attach": _FIELD,
    "step.note": _FIELD,
    "step.look_back": {_I: _C},
}


class Scope(Struct, frozen=True):
    """What somebody reaches with an action: prefixes of community codes, wholly or where assigned to `username`."""

    username: str
    communities: tuple[str, ...]
    assigned: tuple[str, ...]

    def covers_community(self, code: str) -> bool:
        return code.startswith(self.communities)

    def covers(self, hazard: Hazard) -> bool:
        return self.covers_community(hazard.community) or (
            self.username in hazard.handlers and hazard.community.startswith(self.assigned)
        )

    def __bool__(self) -> bool:
        return bool(self.communities or self.assigned)


@lru_cache(maxsize=4096)
def scope(person: Person, action: str) -> Scope:
    """What `person` reaches with `action`; false where no role of theirs may do it at all."""
    may = POLICY[action]

    def prefixes(reach: Reach) -> tuple[str, ...]:
        return tuple(grant.scope for grant in person.grants if _reach(may, grant) is reach)

    return Scope(person.username, prefixes(Reach.COMMUNITY), prefixes(Reach.ASSIGNED))


def _reach(may: dict[Role, Reach], grant: Grant) -> Reach | None:
    return may.get(grant.role)

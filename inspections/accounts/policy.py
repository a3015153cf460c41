"""The permission table: which role may do which action, and to which objects, for routes, steps and queries.

Every route names an action of this table, or the server does not start; a step is the action `step.<name>`.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Person, Role, is_program


class ScopeKind(StrEnum):
    COMMUNITY = "community"  # all objects in the communities of the grant
    ASSIGNED = "assigned"  # objects in these communities that are assigned to the person


_I, _O, _H, _S, _A = Role.INSPECTOR, Role.OFFICER, Role.HANDLER, Role.SUPERVISOR, Role.ANALYST
_M, _SYSTEM, _SECURITY, _AUDIT = Role.ADMIN, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN
_C = ScopeKind.COMMUNITY
_EVERYONE = dict.fromkeys(Role, _C)
_FIELD = {_I: _C, _O: _C, _S: _C, _H: ScopeKind.ASSIGNED}  # roles that see and work on hazards
_RECHECKERS = {_I: _C, _O: _C}
_SUPERVISOR = {_S: _C}
_FOR_SYSTEM = {_M: _C, _SYSTEM: _C}
_FOR_SECURITY = {_M: _C, _SECURITY: _C}
_FOR_AUDIT = {_M: _C, _AUDIT: _C}

_STEP = "step."
PUBLIC = "public"
"""The action of routes that need no sign-in."""
BY_LINK = "by link"
"""The action of routes that need a valid fix link, as their path's `token`."""

POLICY: dict[str, dict[Role, ScopeKind]] = {
    "me": _EVERYONE,
    "place.see": _EVERYONE,
    "place.manage": _FOR_SYSTEM,
    "people.see": {_O: _C, _S: _C, **_FOR_SYSTEM, **_FOR_SECURITY, **_FOR_AUDIT},
    "people.manage": {**_FOR_SYSTEM, **_FOR_SECURITY},  # read accounts; the next two cover changes
    "account.manage": _FOR_SYSTEM,  # create, rename, deactivate
    "rights.manage": _FOR_SECURITY,  # grants, passwords, second factors, devices
    "admin_request.decide": {**_FOR_SYSTEM, **_FOR_SECURITY, **_FOR_AUDIT},
    "security.see": _FOR_AUDIT,
    "metrics.see": _FOR_SYSTEM,
    "key.manage": _FOR_SECURITY,
    "delegation.see": _EVERYONE,
    "delegation.make": {_S: _C},
    "delegation.revoke": {_S: _C, **_FOR_SECURITY},  # the giver, and administrators of the giver
    "delegation.oversee": _FOR_SECURITY,
    "photo.send": {_I: _C, _O: _C, _H: _C, _S: _C},
    "photo.see": {**_FIELD, _A: _C},
    "photo.original": _FIELD,
    "hazard.report": {_I: _C, _O: _C},
    "hazard.see": {**_FIELD, _A: _C},
    "hazard.personal": _FIELD,  # names, phones and free text: not for analysts
    "hazard.contact": {_O: _C, _S: _C, _H: ScopeKind.ASSIGNED},  # unmasked name and phone of the responsible party
    "hazard.history": _FIELD,
    "hazard.erase": _FOR_SYSTEM,
    "decision.see": _SUPERVISOR,
    "inbox.see": _EVERYONE,
    "delivery.manage": _FOR_SYSTEM,
    "digest.daily": {_O: _C},  # receives the daily digest of open work
    "digest.weekly": _SUPERVISOR,
    "link.make": {_O: _C},  # not handlers: they could submit fixes in the party's name
    "link.see": {_O: _C, _S: _C},
    "link.revoke": {_O: _C, _S: _C},
    "device.see": {_O: _C, _S: _C, **_FOR_SYSTEM},
    "device.manage": _FOR_SYSTEM,
    "alert.see": {_I: _C, _O: _C, _S: _C},
    "rules.see": {_O: _C, _S: _C, **_FOR_SYSTEM},
    "rules.edit": _FOR_SYSTEM,
    "checklist.see": {**_FIELD, _A: _C},
    "checklist.edit": _SUPERVISOR,
    "ledger.export": {_O: _C, _S: _C, _A: _C},
    "ledger.import": {_M: _C},
    "statistics.see": {_O: _C, _S: _C, _A: _C, _I: _C},
    "step.accept": {_O: _C},
    "step.reject": {_O: _C},
    "step.merge": {_O: _C},
    "step.verify": {_I: _C, _O: _C},
    "step.assign": {_O: _C},
    "step.return": {_H: ScopeKind.ASSIGNED},
    "step.start": {_H: ScopeKind.ASSIGNED},
    "step.submit_fix": {_H: ScopeKind.ASSIGNED, _O: _C},
    "step.recheck.pass": _RECHECKERS,
    "step.recheck.fail": _RECHECKERS,
    "step.recheck.partial": _RECHECKERS,
    "step.recheck.refused": {_O: _C},
    "step.recheck.expired": _RECHECKERS,
    "step.set_cause": {_I: _C, _O: _C},
    "step.reclassify": {_I: _C, _O: _C},
    "step.propose_major": {_O: _C},
    "step.confirm_major": _SUPERVISOR,
    "step.request_extension": {_H: ScopeKind.ASSIGNED, _O: _C},
    "step.decide_extension": _SUPERVISOR,
    "step.suspend": _SUPERVISOR,
    "step.resume": _SUPERVISOR,
    "step.supervise": _SUPERVISOR,
    "step.unsupervise": _SUPERVISOR,
    "step.transfer": _SUPERVISOR,
    "step.transfer_reply.settled": _SUPERVISOR,
    "step.transfer_reply.returned": _SUPERVISOR,
    "step.reopen": _SUPERVISOR,
    "step.evaluate": {_I: _C, _O: _C, _S: _C},
    "step.cancel": _SUPERVISOR,
    "step.attach": _FIELD,
    "step.note": _FIELD,
    "step.look_back": {_I: _C},
}
PROGRAM_POLICY: dict[str, dict[Role, ScopeKind]] = {"metrics.see": {_A: _C}}
"""What an API key may do beside what its role allows to people."""


class ScopeTarget(Protocol):
    """The fields of a hazard that a scope checks: its community and its handlers."""

    @property
    def community(self) -> str: ...

    @property
    def handlers(self) -> tuple[str, ...]: ...


class Scope(Struct, frozen=True):
    """The objects that a person may apply an action to, as prefixes of community codes.

    `communities`: all objects there; `assigned`: only those assigned to `username`.
    """

    username: str
    communities: tuple[str, ...]
    assigned: tuple[str, ...]

    def covers_community(self, code: str) -> bool:
        return code.startswith(self.communities)

    def covers(self, hazard: ScopeTarget) -> bool:
        return self.covers_community(hazard.community) or (
            self.username in hazard.handlers and hazard.community.startswith(self.assigned)
        )

    def includes(self, other: "Scope") -> bool:
        """Tells whether all that another scope of the same person covers lies in this one."""
        mine = (*self.communities, *self.assigned)
        return all(map(self.covers_community, other.communities)) and all(
            code.startswith(mine) for code in other.assigned
        )

    def overlaps(self, prefix: str) -> bool:
        """Tells whether a community with this prefix may lie within the scope."""
        return any(prefix.startswith(mine) or mine.startswith(prefix) for mine in self.communities)

    def covers_person(self, person: Person) -> bool:
        """Tells whether the scope includes an account; every non-empty scope includes accounts without grants."""
        return bool(self) and (not person.grants or any(self.overlaps(grant.scope) for grant in person.grants))

    def __bool__(self) -> bool:
        return bool(self.communities or self.assigned)


EVERYWHERE = Scope("", ("",), ())
"""The scope of the office itself, for queries without a person."""


@lru_cache(maxsize=4096)
def scope(person: Person, action: str) -> Scope:
    """Returns the scope of `person` for `action`; it is falsy if none of their roles may do it.

    Pass a person from `Person.with_current_grants`: periods of grants are not checked here.
    """
    may = {**POLICY[action], **(PROGRAM_POLICY.get(action, {}) if is_program(person) else {})}

    def prefixes(reach: ScopeKind) -> tuple[str, ...]:
        return tuple(grant.scope for grant in person.grants if may.get(grant.role) is reach)

    return Scope(person.username, prefixes(ScopeKind.COMMUNITY), prefixes(ScopeKind.ASSIGNED))


@lru_cache(maxsize=4096)
def allowed_steps(person: Person) -> Mapping[str, Scope]:
    """Returns the steps that the person's roles may take, each with its scope."""
    reached = {action[len(_STEP) :]: scope(person, action) for action in POLICY if action.startswith(_STEP)}
    return MappingProxyType({step: reach for step, reach in reached.items() if reach})


def find_delegator(person: Person, action: str, hazard: ScopeTarget) -> str | None:
    """Returns the username of who lent the grant that permits this; None if a grant of their own permits it."""
    lent = [grant for grant in person.grants if grant.by is not None]
    own = tuple(grant for grant in person.grants if grant.by is None)
    if not lent or scope(replace(person, grants=own), action).covers(hazard):
        return None
    return next((each.by for each in lent if scope(replace(person, grants=(each,)), action).covers(hazard)), None)

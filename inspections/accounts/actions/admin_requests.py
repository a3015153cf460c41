"""Actions on requests to change an administrator's account: make, list, confirm and reject them."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.actions.delegations import person_with_delegations
from inspections.accounts.actions.people import AdminScopes, admin_scopes, change_person
from inspections.accounts.actions.second_factor import reset_factor
from inspections.accounts.admin_requests import AdminRequest, RequestState
from inspections.accounts.people import Person, PersonChange
from inspections.accounts.policy import Scope, scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.security_profile import SecurityProfile, administrator_roles
from inspections.change import Change
from inspections.errors import ClosedAdminRequest, Forbidden, NotFound


def request_change(
    repository: AccountRepository,
    by: AdminScopes,
    username: str,
    asked: PersonChange,
    password: str | None,
    now: datetime,
    profile: SecurityProfile,
) -> Change[AdminRequest]:
    """Requests a change of an administrator's account. It replaces the requester's earlier one for this account.

    Raises what the change itself would raise now (`change_person`).
    """
    change_person(repository, by.confirm(), username, asked, password, now, profile)
    made = AdminRequest(
        repository.new_id(),
        username,
        by.rights.username,
        now,
        replace(asked, password=None),
        password or "",
        sets_password=password is not None,
    )
    return _store_request(repository, made)


def request_factor_reset(
    repository: AccountRepository, by: AdminScopes, username: str, now: datetime, profile: SecurityProfile
) -> Change[AdminRequest]:
    """Requests the removal of an administrator's second factor. Raises what `reset_factor` raises."""
    reset_factor(repository, by.confirm(), username, now, profile)
    return _store_request(repository, AdminRequest(repository.new_id(), username, by.rights.username, now, None))


def _store_request(repository: AccountRepository, made: AdminRequest) -> Change[AdminRequest]:
    earlier = [
        each
        for each in repository.admin_requests()
        if each.decided_at is None and (each.username, each.requested_by) == (made.username, made.requested_by)
    ]
    return Change(made, (made,), removed=tuple(earlier))


def visible_requests(repository: AccountRepository, reach: Scope) -> list[AdminRequest]:
    """Lists the newest requests about accounts within an administrator's scope."""
    return [each for each in repository.admin_requests() if _covers(repository, reach, each)]


def confirm_request(
    repository: AccountRepository, person: Person, request_id: UUID, now: datetime, profile: SecurityProfile
) -> Change[AdminRequest]:
    """Confirms a request and carries it out, by an administrator of another kind; a repeat changes nothing.

    Raises NotFound, Forbidden, ClosedAdminRequest, and what the change raises, such as PersonVersionConflict.
    """
    found, requester = _find_request(repository, person, request_id, now)
    if found.state(now) is RequestState.CONFIRMED and found.decided_by == person.username:
        return Change(found)
    _check_pending_state(found, now)
    if requester is None or not administrator_roles(requester):
        raise Forbidden("申请人已不再是管理员")
    if administrator_roles(requester) & administrator_roles(person):
        raise Forbidden("须由另一类管理员确认")
    by = admin_scopes(requester).confirm()
    if found.change is None:
        done = reset_factor(repository, by, found.username, now, profile)
    else:
        done = change_person(repository, by, found.username, found.change, found.password or None, now, profile)
    decided = found.decide(person.username, now, confirmed=True)
    return Change(decided, done.new, (*done.changed, (found, decided)), done.removed)


def reject_request(
    repository: AccountRepository, person: Person, request_id: UUID, now: datetime
) -> Change[AdminRequest]:
    """Rejects a request, or withdraws one's own; a repeat changes nothing. Raises NotFound, ClosedAdminRequest."""
    found, _ = _find_request(repository, person, request_id, now)
    if found.state(now) is RequestState.REJECTED:
        return Change(found)
    _check_pending_state(found, now)
    decided = found.decide(person.username, now, confirmed=False)
    return Change(decided, changed=((found, decided),))


def _find_request(
    repository: AccountRepository, person: Person, request_id: UUID, now: datetime
) -> tuple[AdminRequest, Person | None]:
    """Finds a request and who made it, with their grants of today; None if the account is not active any more."""
    found = repository.get(AdminRequest, request_id)
    if found is None or not _covers(repository, scope(person, "admin_request.decide"), found):
        raise NotFound("admin_request")
    requester = repository.person(found.requested_by)
    if requester is None or not requester.active:
        return found, None
    return found, person_with_delegations(repository, requester, now).with_current_grants(now)


def _covers(repository: AccountRepository, reach: Scope, request: AdminRequest) -> bool:
    person = repository.person(request.username)
    return person is not None and all(reach.covers_community(grant.scope) for grant in person.grants)


def _check_pending_state(request: AdminRequest, now: datetime) -> None:
    if (state := request.state(now)) is not RequestState.PENDING:
        raise ClosedAdminRequest(state)

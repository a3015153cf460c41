"""Routes for accounts: list people who can be assigned; administrators create and change accounts."""

from functools import partial
from operator import attrgetter
from typing import NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from api.accounts.admin_requests import PENDING, pending_response
from api.accounts.security_log import current_caller
from api.accounts.sign_in.authentication import Authenticator
from api.accounts.views import PersonList, PersonView, person_view
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from inspections.accounts.actions.admin_requests import request_change
from inspections.accounts.actions.delegations import people_with_delegations
from inspections.accounts.actions.people import (
    add_person,
    admin_scopes,
    change_needs_confirmation,
    change_person,
    find_changeable_account,
    find_existing_account,
    find_managed_person,
)
from inspections.accounts.people import Grant, NewPerson, Person, PersonChange, Role
from inspections.accounts.policy import Scope, scope
from inspections.accounts.security_log import Event
from inspections.errors import NotFound
from storage.repository import Repository


class _PeopleFilter(NamedTuple):
    """Filters of the list, and the scopes in which the caller works with people and manages accounts."""

    role: tuple[Role, ...]
    community: tuple[str, ...]
    active: bool
    reach: Scope
    managed: Scope

    def includes(self, person: Person, now: Person) -> bool:
        """Tells whether the list includes a person. `now`: with current grants; managers see people without any too."""
        if person.active is not self.active:
            return False
        if not self.role and not self.community and self.managed.covers_person(person):
            return True
        return any(self._matches_grant(grant) for grant in now.grants)

    def _matches_grant(self, grant: Grant) -> bool:
        if self.role and grant.role not in self.role:
            return False
        if self.community:
            return any(code.startswith(grant.scope) for code in self.community)
        return self.reach.overlaps(grant.scope)


@get("/people", opt={"action": "people.see"})
async def list_people(
    request: AnyRequest,
    role: FromQuery[tuple[Role, ...]] = (),
    community: FromQuery[tuple[str, ...]] = (),
    active: FromQuery[bool] = True,
    limit: PageLimit = LIST_LIMIT,
    cursor: PageCursor = None,
) -> PersonList:
    """Lists people with a current role in the caller's communities, by username, filtered by role and community.

    Of several values any matches: people with any of the roles in any of the communities.
    """
    context, person = app_context(request), current_person(request)
    reach = scope(person, "people.see")
    asked = _PeopleFilter(role, community, active, reach, scope(person, "people.manage"))
    now = context.clock()

    def ask(repository: Repository) -> list[Person]:
        if any(repository.community(code) is None or not reach.covers_community(code) for code in community):
            raise NotFound("community", "community")
        return people_with_delegations(repository, now)

    found = [(each, each.with_current_grants(now)) for each in await context.database.read(ask)]
    listed = [person_view(present) for each, present in found if asked.includes(each, present)]
    return PersonList(*cut_page(listed, attrgetter("username"), limit, cursor))


@get("/people/{username:str}", opt={"action": "people.manage"})
async def get_person(request: AnyRequest, username: FromPath[str]) -> PersonView:
    """Returns an account with all grants that an administrator gave, including those not in effect now."""
    reach = scope(current_person(request), "people.manage")
    found = await app_context(request).database.read(partial(find_managed_person, reach=reach, username=username))
    return person_view(found, managed=True)


@post("/people", opt={"action": "account.manage", "body": NewPerson})
async def create_person(request: AnyRequest) -> Response[PersonView]:
    """Creates an account."""
    asked: NewPerson = await json_body(request, NewPerson)
    context, by = app_context(request), admin_scopes(current_person(request))
    made_before = await context.database.read(partial(find_existing_account, by=by, asked=asked))
    if made_before:
        password = await context.part(Authenticator).compare_or_hash(
            made_before, asked.password, current_caller(request)
        )
    else:
        password = await context.part(Authenticator).hash_password(asked.username, asked.password)
    action = partial(add_person, by=by, asked=asked, password=password, profile=context.settings.security_profile)
    grants = " ".join(f"{each.role}:{each.scope}" for each in asked.grants)
    added = await context.log.transact(
        action,
        Event.ACCOUNT_MADE,
        current_caller(request),
        asked.username,
        {"grants": grants},
    )
    return Response(person_view(added.person, managed=True), status_code=200 if added.repeated else 201)


@post(
    "/people/{username:str}",
    opt={"action": "people.manage", "body": PersonChange},
    status_code=200,
    responses=PENDING,
)
async def update_person(request: AnyRequest, username: FromPath[str]) -> Response[PersonView]:
    """Changes name, email, grants, password or active state of an account, or erases its name.

    A new password, deactivation and erasure end the account's sessions and linked identities. Under the strict profile
    a change that opens an administrator's account waits for another administrator: 202 with the request to confirm.
    """
    asked: PersonChange = await json_body(request, PersonChange)
    context, by = app_context(request), admin_scopes(current_person(request))
    before = await context.database.read(partial(find_changeable_account, by=by, username=username, asked=asked))
    password = None
    if asked.password is not None and asked.version == before.version - 1:  # perhaps a repeated request
        password = await context.part(Authenticator).compare_or_hash(before, asked.password, current_caller(request))
    elif asked.password is not None:
        password = await context.part(Authenticator).hash_password(username, asked.password)
    now, profile, caller = context.clock(), context.settings.security_profile, current_caller(request)
    change = {"by": by, "username": username, "asked": asked, "password": password, "now": now, "profile": profile}
    if change_needs_confirmation(before, asked, password, profile):
        made = await context.log.transact(partial(request_change, **change), Event.ADMIN_REQUESTED, caller, username)
        return pending_response(made, now)
    after = await context.log.transact(partial(change_person, **change), Event.ACCOUNT_CHANGED, caller, username)
    return Response(person_view(after, managed=True))


ROUTES = [list_people, get_person, create_person, update_person]

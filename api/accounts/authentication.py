"""Authentication of tokens, and the guard that checks sign-in, permission and query of every request."""

import asyncio
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from litestar import Litestar, Request
from litestar.routes import HTTPRoute
from uuid_utils.compat import uuid7

from api.accounts.cookies import ACCESS_COOKIE, page_token
from api.accounts.security_log import SecurityLog
from api.accounts.totp import shown
from api.http.problems import UnknownRoute
from api.http.request_metrics import begin
from api.http.tokens import KEY_PREFIX, digest_of, new_token
from inspections.accounts.actions.api_keys import behind_key, use_key
from inspections.accounts.actions.external_identities import Proof
from inspections.accounts.actions.revocation import Ended
from inspections.accounts.actions.security_log import Caller
from inspections.accounts.actions.sign_in import (
    SignedIn,
    Terms,
    Tries,
    behind_access,
    change_password,
    close_session,
    good_password,
    open_session,
    refresh_session,
    try_password,
    use_access,
)
from inspections.accounts.external_identities import Identity
from inspections.accounts.people import Person
from inspections.accounts.policy import BY_LINK, POLICY, PUBLIC, scope
from inspections.accounts.second_factor import SecondFactor, fits
from inspections.accounts.security_log import Event
from inspections.accounts.security_profile import Profile, holds
from inspections.accounts.sessions import IDLE_LASTS, Digests, Session
from inspections.errors import (
    ConfirmNeeded,
    Forbidden,
    Invalid,
    Refusal,
    SecondFactorNeeded,
    SignInFailed,
    TooMany,
    Unauthenticated,
)
from storage.database import Database
from storage.repository import Repository

T = TypeVar("T")

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""argon2id with the parameters of the OWASP password storage cheat sheet: 19 MiB, two passes."""

_HASHING_AT_ONCE = 1
_HASHING_WAITING = 20
_REMEMBERED_SECONDS = 1.0
_REMEMBERED_LIMIT = 10_000


class Tokens(NamedTuple):
    """A new token pair as the device receives it; only digests are stored."""

    access: str
    refresh: str

    @property
    def digests(self) -> Digests:
        return Digests(digest_of(self.access), digest_of(self.refresh))


def new_tokens() -> Tokens:
    """Creates random tokens; their prefixes let scanners find tokens that were published by mistake."""
    return Tokens(new_token("anxa_"), new_token("anxr_"))


class _Known(NamedTuple):
    """The owner of a token. `until`: when to check it again. `unmet`: what the owner must do first, as a refusal."""

    person: Person
    until: datetime
    unmet: type[Refusal] | None = None


class SignIn:
    """Opens, renews and ends sessions, and identifies the owners of tokens, with a cache of one second."""

    def __init__(self, database: Database, clock: Callable[[], datetime], log: SecurityLog, profile: Profile) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._profile = profile
        self._remembered: dict[str, tuple[float, _Known]] = {}
        self._nobody = HASHER.hash(secrets.token_urlsafe())
        # Password hashing is slow on purpose: it has its own thread, so that many sign-ins do not delay other requests.
        self._hashing = ThreadPoolExecutor(_HASHING_AT_ONCE, "anxun-hash")
        self._waiting = 0

    async def open(
        self, username: str, password: str, device: str, address: str, code: str | None = None, *, page: bool = False
    ) -> tuple[SignedIn, Tokens]:
        """Signs in by password. `code`: of the second factor. `page`: in a browser. An unknown name takes as long.

        Raises SignInFailed, SecondFactorNeeded, TooManyTries, TooMany.
        """
        tries = await self.count_try(username, address)
        person, good = await self._fits(username, password)
        if not (person and person.active and good):
            await self._note_failure(person, address)
            raise SignInFailed
        try:
            opened = await self.open_for(person, device, address, code, page=page)
        except SecondFactorNeeded:
            await self.take_back(tries)
            raise
        await self.take_back(tries, whole=True)
        return opened

    async def open_for(
        self,
        person: Person,
        device: str,
        address: str,
        code: str | None = None,
        *,
        page: bool = False,
        through: Identity | None = None,
    ) -> tuple[SignedIn, Tokens]:
        """Opens a session for a person who was verified by password, or by the linked identity `through`.

        Raises SignInFailed, NotLinked, SecondFactorNeeded.
        """
        username = person.username
        tokens, session_id, now = new_tokens(), uuid7(), self._clock()
        factor = await self._database.read(lambda repository: repository.kept(SecondFactor, username))
        proof = shown(factor, code, now) if factor and code else None
        idle = self._profile.page_idle if page else IDLE_LASTS
        action = partial(
            open_session,
            person=person,
            session_id=session_id,
            device=device,
            digests=tokens.digests,
            now=now,
            terms=Terms(idle, holds(person, self._profile.alone), through, proof),
        )
        try:
            opened = await self._log.transact(
                action, Event.SIGNED_IN, Caller(username, address), username, {"device": str(session_id)}
            )
        except SignInFailed:
            await self._note_failure(person, address, "totp")
            raise
        return opened, tokens

    async def _note_failure(self, person: Person | None, address: str, what: str = "password") -> None:
        """Records a failed sign-in. An unknown name is not logged: it may be a password entered in the wrong field."""
        about = person.username if person else ""
        await self._log.note(Event.SIGN_IN_FAILED, Caller("", address), about, {"wrong": what if person else "name"})

    async def check_password(self, username: str, password: str, address: str) -> Tries:
        """Checks the password and returns the attempt, which counts as failed until `undo_attempt` is called.

        Raises Invalid, TooManyTries, TooMany.
        """
        tries = await self.count_try(username, address)
        person, good = await self._fits(username, password)
        if person is None or not good:
            await self._note_failure(person, address)
            raise Invalid(("password", "密码不正确"))
        return tries

    async def proof(self, token: str, username: str, password: str | None, code: str | None, address: str) -> Proof:
        """Verifies the password, the code of the second factor, or both, of a person who is already signed in.

        Raises ConfirmNeeded if both are missing, Invalid for a wrong one, which counts as a failed attempt;
        TooManyTries, TooMany.
        """
        if password is None and code is None:
            raise ConfirmNeeded
        tries = await self.count_try(username, address)
        person = await self._database.read(lambda repository: repository.person(username))
        if password is not None and not (person and await self._in_turn(partial(verified, person.password, password))):
            await self._note_failure(person, address)
            raise Invalid(("password", "密码不正确"))
        factor = await self._database.read(lambda repository: repository.kept(SecondFactor, username))
        typed = shown(factor, code, self._clock()) if factor and code is not None else None
        if code is not None and not (factor and factor.confirmed_at and typed and fits(factor, typed)):
            await self._note_failure(person, address, "totp")
            raise Invalid(("totp", "验证码不正确或已使用过"))
        await self.take_back(tries)
        return Proof(digest_of(token), person.password if person and password is not None else None, typed)

    async def take_back(self, tries: Tries, *, whole: bool = False) -> None:
        """Undoes a counted attempt that succeeded; see `undo_password_attempt`."""
        await self._database.transact(partial(good_password, tries=tries, whole=whole))

    async def change_password(self, token: str, username: str, old: str, new: str, address: str) -> Ended:
        """Changes the password and returns the access that ends with it; a repeated request ends nothing.

        Raises Invalid for a wrong old password, TooManyTries, TooMany.
        """
        tries = await self.count_try(username, address)
        person, good = await self._fits(username, old)
        if person is None:
            raise Unauthenticated
        same = await self._in_turn(partial(verified, person.password, new))
        if not good and not same:
            await self._note_failure(person, address)
            raise Invalid(("password", "原密码不正确"))
        await self.take_back(tries)
        if not good:
            return Ended()  # an earlier request has changed it already
        self._profile.check_password("new_password", new, username)
        if same:
            raise Invalid(("new_password", "新密码不能与原密码相同"))
        hashed = await self._in_turn(partial(HASHER.hash, new))
        action = partial(change_password, person=person, digest=digest_of(token), password=hashed, now=self._clock())
        return await self._log.transact(action, Event.PASSWORD_CHANGED, Caller(username, address), username)

    async def count_try(self, username: str, address: str) -> Tries:
        """Counts a sign-in attempt; repeated failures must wait longer each time. Raises TooManyTries, TooMany."""
        self._check_turn()  # before the attempt is counted
        tries = Tries(*(digest_of(each) for each in (f"account {username}", f"address {address}")))
        action = partial(try_password, tries=tries, now=self._clock(), patience=self._profile.patience)
        await self._database.transact(action)
        return tries

    async def _fits(self, username: str, password: str) -> tuple[Person | None, bool]:
        """Finds a person by username and tells whether the password is theirs, in equal time for unknown names."""
        person = await self._database.read(lambda repository: repository.person(username))
        return person, await self._in_turn(partial(verified, (person and person.password) or self._nobody, password))

    async def hashed(self, username: str, password: str) -> str:
        """Checks a new password against the profile and returns its argon2id hash. Raises Invalid, TooMany."""
        self._profile.check_password("password", password, username)
        return await self._in_turn(partial(HASHER.hash, password))

    async def compare_or_hash(self, known: Person, password: str, caller: Caller) -> str:
        """Returns the stored hash if this is the password of `known`, else a new hash.

        The comparison counts as a sign-in attempt. Raises Invalid, TooManyTries, TooMany.
        """
        self._profile.check_password("password", password, known.username)
        tries = await self.count_try(known.username, caller.address)
        if await self._in_turn(partial(verified, known.password, password)):
            await self.take_back(tries)
            return known.password
        await self._log.note(Event.SIGN_IN_FAILED, caller, known.username, {"wrong": "password"})
        return await self._in_turn(partial(HASHER.hash, password))

    async def _in_turn(self, work: Callable[[], T]) -> T:
        """Runs a hashing function on its own thread. Raises TooMany if too many are waiting."""
        self._check_turn()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._hashing, work)
        finally:
            self._waiting -= 1

    def _check_turn(self) -> None:
        if self._waiting >= _HASHING_WAITING:
            raise TooMany

    async def refresh(self, token: str, address: str) -> tuple[SignedIn, Tokens]:
        """Renews a session by its refresh token; a token that was already replaced ends it. Raises Unauthenticated."""
        tokens = new_tokens()
        digest, now = digest_of(token), self._clock()
        renew = partial(refresh_session, digest=digest, pair_id=uuid7(), digests=tokens.digests, now=now)
        renewed = await self._database.transact(renew)
        if isinstance(renewed, Session):
            await self._log.note(Event.TOKEN_COPIED, Caller("", address), renewed.username, {"device": str(renewed.id)})
        if not isinstance(renewed, SignedIn):
            raise Unauthenticated("登录已过期，请重新登录")
        return renewed, tokens

    async def close(self, token: str, caller: Caller) -> None:
        digest = digest_of(token)
        self._remembered.pop(digest, None)
        action = partial(close_session, digest=digest, now=self._clock())
        await self._log.transact(action, Event.SIGNED_OUT, caller, caller.by)

    async def person(self, token: str, action: str) -> Person:
        """Returns the owner of a token with the grants in effect now; expired grants end at once.

        Raises Unauthenticated, and the owner's unmet requirement unless `action` is "me". Revocations and new grants
        take effect within a second, on every process.
        """
        known = await self._known(token)
        if known.unmet and action != "me":
            raise known.unmet
        return known.person

    async def good_until(self, token: str) -> datetime:
        """Returns when a token expires or must be checked again. Raises Unauthenticated."""
        return (await self._known(token)).until

    async def _known(self, token: str) -> _Known:
        digest = digest_of(token)
        checked, known = self._remembered.get(digest, (0.0, None))
        now = self._clock()
        if known and time.monotonic() - checked < _REMEMBERED_SECONDS and now < known.until:
            return known
        found = await (self._program(digest, now) if token.startswith(KEY_PREFIX) else self._signed_in(digest, now))
        if found is None:
            self._remembered.pop(digest, None)
            raise Unauthenticated
        if len(self._remembered) >= _REMEMBERED_LIMIT:
            self._remembered.clear()
        self._remembered[digest] = (time.monotonic(), found)
        return found

    async def _signed_in(self, digest: str, now: datetime) -> _Known | None:
        found = await self._database.read(partial(behind_access, digest=digest, now=now))
        if found and not found.pair.used_at:
            found = await self._database.transact(partial(use_access, digest=digest, now=now))
        if found is None:
            return None
        person = found.person
        factor = await self._database.read(partial(_factor_of, person)) if self._profile.needs_factor else None
        return _Known(person, found.until, self._profile.unmet(person, factor, now))

    async def _program(self, digest: str, now: datetime) -> _Known | None:
        found = await self._database.read(partial(behind_key, digest=digest, now=now))
        if found and not found.used_at and digest == found.secret:
            found = await self._database.transact(partial(use_key, digest=digest, now=now))
        return _Known(found.holder, found.expires_at) if found else None


def _factor_of(person: Person, repository: Repository) -> SecondFactor | None:
    return repository.kept(SecondFactor, person.username)


def verified(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def shown_token(request: Request[Any, Any, Any]) -> str:
    """Reads the bearer token (RFC 6750) of a request, or else its cookie. Raises Unauthenticated, CrossSite."""
    if (said := request.headers.get("authorization")) is None:
        return page_token(request, ACCESS_COOKIE)
    scheme, _, token = said.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()


class SendersByLink(ABC):
    """Interface to identify senders by a fix link instead of an account; implemented by the subject fix_links."""

    @abstractmethod
    async def sender(self, request: Request[Any, Any, Any]) -> Person:
        """Returns the person that the link in the path stands for. Raises Missing, LinkOver, TooMany."""


async def guard(request: Request[Any, Any, Any]) -> None:
    """Checks sign-in (401), permission (403) and query parameters (422) before every handler; bodies are checked later.

    This is not a Litestar guard, because Litestar copies the handler for its guards on each request.
    """
    begin(request.scope)
    action = request.route_handler.opt["action"]
    if action == "metrics.see" and request.app.state.context.settings.metrics == "open":
        action = PUBLIC
    if action == BY_LINK:
        request.scope["user"] = await request.app.state.context.part(SendersByLink).sender(request)
    elif action != PUBLIC:
        person = await request.app.state.context.part(SignIn).person(shown_token(request), action)
        request.scope["user"] = person
        if not scope(person, action):
            raise Forbidden
        if "\0" in request.scope["path"]:  # PostgreSQL cannot store NUL in text
            raise UnknownRoute
    if request.scope["query_string"]:
        _check_query(request)


def _check_query(request: Request[Any, Any, Any]) -> None:
    """Raises Invalid for unknown query parameters, and for values that contain NUL."""
    opt, given = request.route_handler.opt, request.query_params
    if not opt.get("any_query") and (unknown := sorted(set(given) - set(opt["query"].values()))):
        raise Invalid(*((name, "没有这个查询参数") for name in unknown))
    if nul := sorted({name for name, value in given.multi_items() if "\0" in value}):
        raise Invalid(*((name, "含有不允许的字符") for name in nul))


def check_routes(app: Litestar) -> None:
    """Checks at startup that every route is guarded and names an action of the policy; stores its query parameters.

    Raises LookupError.
    """
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler, model in route.route_handler_map.values():
            if handler.http_methods == {"OPTIONS"}:
                handler.opt["action"] = PUBLIC
            if handler.resolve_before_request() is not guard:
                raise LookupError(f"{route.path} is not behind the guard")
            action = handler.opt.get("action")
            if action not in {PUBLIC, BY_LINK} and action not in POLICY:
                raise LookupError(f"{route.path} names no action of inspections/accounts/policy.py: {action!r}")
            handler.opt["query"] = {each.field_name: each.field_alias for each in model.expected_query_params}

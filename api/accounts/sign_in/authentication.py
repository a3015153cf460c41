"""Authentication: sign-in by password, sessions, and the tokens of requests."""

import secrets
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from uuid_utils.compat import uuid7

from api.accounts.security_log import SecurityLog
from api.accounts.sign_in.password_queue import KNOWN, Applicant, PasswordQueue
from api.accounts.sign_in.totp import match_code
from api.http.client_address import NetworkAddress
from api.http.tokens import KEY_PREFIX, hash_token, new_token
from inspections.accounts.actions.api_keys import find_valid_key, record_key_use
from inspections.accounts.actions.external_identities import LinkedAccount, Reauthentication
from inspections.accounts.actions.revocation import EndedAccess
from inspections.accounts.actions.security_log import Caller
from inspections.accounts.actions.sign_in import (
    AttemptKeys,
    AuthenticatedSession,
    SessionOptions,
    change_password,
    close_session,
    count_password_attempt,
    find_known_device,
    find_signed_in_person,
    find_valid_session,
    open_session,
    record_access_use,
    refresh_session,
    undo_password_attempt,
)
from inspections.accounts.external_identities import ExternalIdentity
from inspections.accounts.people import Person
from inspections.accounts.second_factor import SecondFactor, accepts_code
from inspections.accounts.security_log import Event
from inspections.accounts.security_profile import SecurityProfile, has_any_role
from inspections.accounts.sessions import IDLE_LIFETIME, Session, TokenDigests
from inspections.errors import (
    InvalidCredentials,
    InvalidInput,
    MissingConfirmation,
    MissingTotpCode,
    Refusal,
    Unauthenticated,
)
from storage.database import Database
from storage.repository import Repository

T = TypeVar("T")

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""argon2id with the parameters of the OWASP password storage cheat sheet: 19 MiB, two passes."""

_REMEMBERED_SECONDS = 1.0
_REMEMBERED_LIMIT = 10_000


class Tokens(NamedTuple):
    """A new token pair as the device receives it, and at a sign-in the device's secret; only digests are stored."""

    access: str
    refresh: str
    device: str | None = None

    @property
    def digests(self) -> TokenDigests:
        return TokenDigests(hash_token(self.access), hash_token(self.refresh))


def new_tokens(device: str | None = None) -> Tokens:
    """Creates random tokens; their prefixes let scanners find tokens that were published by mistake."""
    return Tokens(new_token("anxa_"), new_token("anxr_"), device)


class AttemptOrigin(NamedTuple):
    """The origin of an attempt to sign in: its network addresses, and the secret of a known device if it has one."""

    network: NetworkAddress
    device_secret: str | None = None


class _TokenOwner(NamedTuple):
    """The owner of a token. `until`: when to check it again. `unmet`: what the owner must do first, as a refusal."""

    person: Person
    until: datetime
    unmet: type[Refusal] | None = None


class Authenticator:
    """Opens, renews and ends sessions, and identifies the owners of tokens, with a cache of one second."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], log: SecurityLog, profile: SecurityProfile
    ) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._profile = profile
        self._remembered: dict[str, tuple[float, _TokenOwner]] = {}
        self._dummy_hash = HASHER.hash(secrets.token_urlsafe())
        self._hashing = PasswordQueue()

    async def open_with_password(
        self,
        username: str,
        password: str,
        device: str,
        origin: AttemptOrigin,
        code: str | None = None,
        *,
        page: bool = False,
    ) -> tuple[AuthenticatedSession, Tokens]:
        """Signs in by password. `code`: of the second factor. `page`: in a browser. An unknown name takes as long.

        Raises InvalidCredentials, MissingTotpCode, TooManySignInAttempts, TooManyRequests.
        """
        origin = await self._recognize_device(username, origin)
        known = origin.device_secret is not None
        applicant = KNOWN if known else Applicant(known=False, network=origin.network.widest)
        self._hashing.check_room(applicant)  # before the attempt is counted
        tries = _device_attempt(origin) if known else _stranger_attempt(origin, username)
        await self._count_attempt(tries)
        person, good = await self._verify_password(username, password, applicant)
        if not (person and person.active and good):
            await self._record_failure(person, origin.network.address)
            raise InvalidCredentials
        return await self._open_session(person, device, origin, code, tries, page=page)

    async def open_with_identity(
        self, account: LinkedAccount, device: str, origin: AttemptOrigin, code: str | None = None, *, page: bool = False
    ) -> tuple[AuthenticatedSession, Tokens]:
        """Signs in the person for whose linked identity a provider has vouched; wrong codes count as failed attempts.

        Raises InvalidCredentials, UnlinkedIdentity, MissingTotpCode, TooManySignInAttempts, TooManyRequests.
        """
        person, identity = account
        origin = await self._recognize_device(person.username, origin)
        tries = await self.count_attempt(person.username)
        return await self._open_session(person, device, origin, code, tries, page=page, through=identity)

    async def _open_session(
        self,
        person: Person,
        device: str,
        origin: AttemptOrigin,
        code: str | None,
        tries: AttemptKeys,
        *,
        page: bool,
        through: ExternalIdentity | None = None,
    ) -> tuple[AuthenticatedSession, Tokens]:
        username, address = person.username, origin.network.address
        secret = origin.device_secret or new_token("anxk_")
        tokens, session_id, now = new_tokens(secret), uuid7(), self._clock()
        factor = await self._database.read(lambda repository: repository.get(SecondFactor, username))
        proof = match_code(factor, code, now) if factor and code else None
        idle = self._profile.page_idle if page else IDLE_LIFETIME
        action = partial(
            open_session,
            person=person,
            session_id=session_id,
            device=device,
            digests=tokens.digests,
            now=now,
            terms=SessionOptions(
                idle, has_any_role(person, self._profile.single_session), through, proof, hash_token(secret)
            ),
        )
        try:
            opened = await self._log.transact(
                action, Event.SIGNED_IN, Caller(username, address), username, {"device": str(session_id)}
            )
        except InvalidCredentials:
            await self._record_failure(person, address, "totp")
            raise
        except MissingTotpCode:
            await self.undo_attempt(tries)
            raise
        await self.undo_attempt(tries, whole=True)
        return opened, tokens

    async def _record_failure(self, person: Person | None, address: str, what: str = "password") -> None:
        """Records a failed sign-in. An unknown name is not logged: it may be a password entered in the wrong field."""
        about = person.username if person else ""
        await self._log.record(Event.SIGN_IN_FAILED, Caller("", address), about, {"wrong": what if person else "name"})

    async def check_password(self, username: str, password: str, address: str) -> AttemptKeys:
        """Checks the password and returns the attempt, which counts as failed until `undo_attempt` is called.

        Raises InvalidInput, TooManySignInAttempts, TooManyRequests.
        """
        tries = await self.count_attempt(username)
        person, good = await self._verify_password(username, password, KNOWN)
        if person is None or not good:
            await self._record_failure(person, address)
            raise InvalidInput(("password", "密码不正确"))
        return tries

    async def reauthenticate(
        self, token: str, username: str, password: str | None, code: str | None, address: str
    ) -> Reauthentication:
        """Verifies the password, the code of the second factor, or both, of a person who is already signed in.

        Raises MissingConfirmation if both are missing, InvalidInput for a wrong one, which counts as a failed attempt;
        TooManySignInAttempts, TooManyRequests.
        """
        if password is None and code is None:
            raise MissingConfirmation
        tries = await self.count_attempt(username)
        person = await self._database.read(lambda repository: repository.person(username))
        if password is not None and not (
            person and await self._hashing.run(partial(verified, person.password, password), KNOWN)
        ):
            await self._record_failure(person, address)
            raise InvalidInput(("password", "密码不正确"))
        factor = await self._database.read(lambda repository: repository.get(SecondFactor, username))
        typed = match_code(factor, code, self._clock()) if factor and code is not None else None
        if code is not None and not (factor and factor.confirmed_at and typed and accepts_code(factor, typed)):
            await self._record_failure(person, address, "totp")
            raise InvalidInput(("totp", "验证码不正确或已使用过"))
        await self.undo_attempt(tries)
        return Reauthentication(hash_token(token), person.password if person and password is not None else None, typed)

    async def undo_attempt(self, tries: AttemptKeys, *, whole: bool = False) -> None:
        """Undoes a counted attempt that succeeded; see `undo_password_attempt`."""
        await self._database.transact(partial(undo_password_attempt, tries=tries, whole=whole))

    async def change_password(self, token: str, username: str, old: str, new: str, address: str) -> EndedAccess:
        """Changes the password and returns the access that ends with it; a repeated request ends nothing.

        Raises InvalidInput for a wrong old password, TooManySignInAttempts, TooManyRequests.
        """
        tries = await self.count_attempt(username)
        person, good = await self._verify_password(username, old, KNOWN)
        if person is None:
            raise Unauthenticated
        same = await self._hashing.run(partial(verified, person.password, new), KNOWN)
        if not good and not same:
            await self._record_failure(person, address)
            raise InvalidInput(("password", "原密码不正确"))
        await self.undo_attempt(tries)
        if not good:
            return EndedAccess()  # an earlier request has changed it already
        self._profile.check_password("new_password", new, username)
        if same:
            raise InvalidInput(("new_password", "新密码不能与原密码相同"))
        hashed = await self._hashing.run(partial(HASHER.hash, new), KNOWN)
        action = partial(change_password, person=person, digest=hash_token(token), password=hashed, now=self._clock())
        return await self._log.transact(action, Event.PASSWORD_CHANGED, Caller(username, address), username)

    async def count_attempt(self, username: str) -> AttemptKeys:
        """Counts an attempt of a signed-in person to show a password or code; strangers cannot use these up.

        Repeated failures must wait longer each time. Raises TooManySignInAttempts, TooManyRequests.
        """
        self._hashing.check_room(KNOWN)  # before the attempt is counted
        return await self._count_attempt(AttemptKeys(hash_token(f"signed in {username}")))

    async def count_code_attempt(self, origin: AttemptOrigin) -> AttemptKeys:
        """Counts an attempt to sign in by a provider's code, of which nobody knows whose it is. Raises as above."""
        return await self._count_attempt(_stranger_attempt(origin))

    async def _count_attempt(self, tries: AttemptKeys) -> AttemptKeys:
        action = partial(count_password_attempt, tries=tries, now=self._clock(), backoff=self._profile.backoff)
        await self._database.transact(action)
        return tries

    async def _recognize_device(self, username: str, origin: AttemptOrigin) -> AttemptOrigin:
        """Returns the origin without its secret, unless this is the secret of a known device of the account."""
        if origin.device_secret is None:
            return origin
        secret = hash_token(origin.device_secret)
        find = partial(find_known_device, username=username, secret=secret, now=self._clock())
        return origin if await self._database.read(find) else origin._replace(device_secret=None)

    async def _verify_password(self, username: str, password: str, applicant: Applicant) -> tuple[Person | None, bool]:
        """Finds a person by username and tells whether the password is theirs, in equal time for unknown names."""
        person = await self._database.read(lambda repository: repository.person(username))
        hashed = (person and person.password) or self._dummy_hash
        return person, await self._hashing.run(partial(verified, hashed, password), applicant)

    async def hash_password(self, username: str, password: str) -> str:
        """Checks a new password against the profile and returns its argon2id hash.

        Raises InvalidInput, TooManyRequests.
        """
        self._profile.check_password("password", password, username)
        return await self._hashing.run(partial(HASHER.hash, password), KNOWN)

    async def compare_or_hash(self, person: Person, password: str, caller: Caller) -> str:
        """Returns the stored hash if this is the person's password, else a new hash.

        The comparison counts as a sign-in attempt. Raises InvalidInput, TooManySignInAttempts, TooManyRequests.
        """
        self._profile.check_password("password", password, person.username)
        tries = await self.count_attempt(person.username)
        if await self._hashing.run(partial(verified, person.password, password), KNOWN):
            await self.undo_attempt(tries)
            return person.password
        await self._log.record(Event.SIGN_IN_FAILED, caller, person.username, {"wrong": "password"})
        return await self._hashing.run(partial(HASHER.hash, password), KNOWN)

    async def refresh(self, token: str, address: str) -> tuple[AuthenticatedSession, Tokens]:
        """Renews a session by its refresh token; a token that was already replaced ends it. Raises Unauthenticated."""
        tokens = new_tokens()
        digest, now = hash_token(token), self._clock()
        renew = partial(refresh_session, digest=digest, pair_id=uuid7(), digests=tokens.digests, now=now)
        renewed = await self._database.transact(renew)
        if isinstance(renewed, Session):
            await self._log.record(
                Event.TOKEN_COPIED, Caller("", address), renewed.username, {"device": str(renewed.id)}
            )
        if not isinstance(renewed, AuthenticatedSession):
            raise Unauthenticated("登录已过期，请重新登录")
        return renewed, tokens

    async def close(self, token: str, caller: Caller) -> None:
        digest = hash_token(token)
        self._remembered.pop(digest, None)
        action = partial(close_session, digest=digest, now=self._clock())
        await self._log.transact(action, Event.SIGNED_OUT, caller, caller.by)

    async def authenticate(self, token: str, action: str) -> Person:
        """Returns the owner of a token with the grants in effect now; expired grants end at once.

        Raises Unauthenticated, and the owner's unmet requirement unless `action` is "me". Revocations and new grants
        take effect within a second, on every process.
        """
        known = await self._identify(token)
        if known.unmet and action != "me":
            raise known.unmet
        return known.person

    async def reauthorize(self, token: str) -> Person:
        """Returns the owner of a token that was valid when a slow request began, with the grants in effect now.

        The token may have expired or been renewed since; its device must still be signed in. Raises Unauthenticated.
        """
        digest, now = hash_token(token), self._clock()
        if token.startswith(KEY_PREFIX):
            program = await self._identify_program(digest, now)
            person = program.person if program else None
        else:
            person = await self._database.read(partial(find_signed_in_person, digest=digest, now=now))
        if person is None:
            raise Unauthenticated
        return person

    async def token_expiry(self, token: str) -> datetime:
        """Returns when a token expires or must be checked again. Raises Unauthenticated."""
        return (await self._identify(token)).until

    async def _identify(self, token: str) -> _TokenOwner:
        digest = hash_token(token)
        checked, known = self._remembered.get(digest, (0.0, None))
        now = self._clock()
        if known and time.monotonic() - checked < _REMEMBERED_SECONDS and now < known.until:
            return known
        found = await (
            self._identify_program(digest, now) if token.startswith(KEY_PREFIX) else self._identify_session(digest, now)
        )
        if found is None:
            self._remembered.pop(digest, None)
            raise Unauthenticated
        if len(self._remembered) >= _REMEMBERED_LIMIT:
            self._remembered.clear()
        # The same object as before, if nothing has changed: the caches of the policy compare it without a look inside.
        owner = known if known and known == found else found
        self._remembered[digest] = (time.monotonic(), owner)
        return owner

    async def _identify_session(self, digest: str, now: datetime) -> _TokenOwner | None:
        found = await self._database.read_row(partial(find_valid_session, digest=digest, now=now))
        if found and not found.pair.used_at:
            found = await self._database.transact(partial(record_access_use, digest=digest, now=now))
        if found is None:
            return None
        person = found.person
        factor = await self._database.read_row(partial(_second_factor, person)) if self._profile.needs_factor else None
        return _TokenOwner(person, found.until, self._profile.unmet_requirement(person, factor, now))

    async def _identify_program(self, digest: str, now: datetime) -> _TokenOwner | None:
        found = await self._database.read_row(partial(find_valid_key, digest=digest, now=now))
        if found and not found.used_at and digest == found.secret:
            found = await self._database.transact(partial(record_key_use, digest=digest, now=now))
        return _TokenOwner(found.principal, found.expires_at) if found else None


def _stranger_attempt(origin: AttemptOrigin, username: str | None = None) -> AttemptKeys:
    network = origin.network
    return AttemptKeys(
        hash_token(f"account {username}") if username is not None else None,
        hash_token(f"address {network.address}"),
        hash_token(f"network {network.widest}") if network.widest != network.address else None,
    )


def _device_attempt(origin: AttemptOrigin) -> AttemptKeys:
    return AttemptKeys(hash_token(f"device {origin.device_secret}"))


def _second_factor(person: Person, repository: Repository) -> SecondFactor | None:
    return repository.get(SecondFactor, person.username)


def verified(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False

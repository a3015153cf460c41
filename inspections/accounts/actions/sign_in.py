"""Actions of sign-in: open, renew and end sessions, count password attempts, change the password.

Token secrets are passed as digests only.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.actions.delegations import person_with_delegations
from inspections.accounts.actions.revocation import EndedAccess, end_access, forget_devices
from inspections.accounts.external_identities import ExternalIdentity
from inspections.accounts.known_devices import KnownDevice, surplus_devices
from inspections.accounts.people import Person
from inspections.accounts.repository import AccountRepository
from inspections.accounts.second_factor import SecondFactor, SubmittedCode, consume_code
from inspections.accounts.sessions import (
    IDLE_LIFETIME,
    SESSION_LIFETIME,
    PairChanges,
    Session,
    TokenDigests,
    TokenPair,
    new_pair,
    record_first_use,
    surplus_pairs,
)
from inspections.accounts.throttling import (
    ACCOUNT_BACKOFF,
    ADDRESS_BACKOFF,
    NETWORK_BACKOFF,
    AttemptCounter,
    Backoff,
    add_attempt,
    remove_attempt,
)
from inspections.change import Change
from inspections.errors import Forbidden, InvalidCredentials, Unauthenticated, UnlinkedIdentity
from inspections.text import clean_line


class AuthenticatedSession(NamedTuple):
    """A valid session and its owner. `person` has only the grants in effect now; `until`: when to authenticate again.

    `pair`: the token pair that was used; it counts as new until its first use.
    """

    person: Person
    session: Session
    pair: TokenPair
    until: datetime


class SessionOptions(NamedTuple):
    """Options of a new session. `idle`: its idle timeout. `single_session`: ends all other sessions of the account.

    `identity`: the linked identity used instead of the password. `code`: the submitted code of the second factor.
    `device_secret`: digest of the secret by which the device will be known; None: it stays unknown.
    """

    idle: timedelta = IDLE_LIFETIME
    single_session: bool = False
    identity: ExternalIdentity | None = None
    code: SubmittedCode | None = None
    device_secret: str | None = None


DEFAULT_OPTIONS = SessionOptions()
UNNAMED_DEVICE = "unnamed"
"""The name of a device that gives none."""


class AttemptKeys(NamedTuple):
    """The counter keys of an attempt to sign in: digests, so that nothing is stored as plain text; None: not counted.

    `account`: of the account for strangers; of the known device or the signed-in person for others, whom strangers
    must not keep out. `address`, and for IPv6 its `network`, count for strangers only.
    """

    account: str | None = None
    address: str | None = None
    network: str | None = None


def count_password_attempt(
    repository: AccountRepository, tries: AttemptKeys, now: datetime, backoff: Backoff = ACCOUNT_BACKOFF
) -> Change[None]:
    """Counts a password attempt before the password is checked. Raises TooManySignInAttempts during the backoff."""
    counting = [
        (before := repository.get(AttemptCounter, key), add_attempt(before, key, each, now))
        for key, each in zip(tries, (backoff, ADDRESS_BACKOFF, NETWORK_BACKOFF), strict=True)
        if key is not None
    ]
    new = tuple(after for before, after in counting if before is None)
    return Change(None, new, tuple((before, after) for before, after in counting if before is not None))


def undo_password_attempt(repository: AccountRepository, tries: AttemptKeys, *, whole: bool) -> Change[None]:
    """Undoes one counted attempt after a correct password. `whole`: sign-in is complete, so the account starts anew.

    Until then, earlier failures remain, so that guessing codes of the second factor is limited too.
    """
    counters = [repository.get(AttemptCounter, key) for key in tries if key is not None]
    left = {
        before: None if whole and before.key == tries.account else remove_attempt(before)
        for before in counters
        if before is not None
    }
    changed = tuple((before, after) for before, after in left.items() if after)
    return Change(None, changed=changed, removed=tuple(before for before, after in left.items() if not after))


def open_session(
    repository: AccountRepository,
    person: Person,
    session_id: UUID,
    device: str,
    digests: TokenDigests,
    now: datetime,
    terms: SessionOptions = DEFAULT_OPTIONS,
) -> Change[AuthenticatedSession]:
    """Opens a session for a person whose password or identity was verified; checks the second factor if one is set.

    Raises InvalidCredentials, also if the account was changed meanwhile; UnlinkedIdentity if the identity was
    unlinked meanwhile; MissingTotpCode.
    """
    known = repository.lock_person(person.username)  # locked, so that a concurrent reset does not miss this session
    if known is None or not known.active or known.password != person.password:
        raise InvalidCredentials
    if (
        terms.identity
        and repository.get(ExternalIdentity, terms.identity.provider, terms.identity.subject) != terms.identity
    ):
        raise UnlinkedIdentity
    seconds = int(terms.idle.total_seconds())
    named = " ".join(clean_line(device).split()) or UNNAMED_DEVICE
    session = Session(session_id, person.username, named, now, now + SESSION_LIFETIME, now, idle_seconds=seconds)
    pair = new_pair(session, session_id, digests, now)
    factor = repository.get(SecondFactor, person.username)
    asked = ((factor, consume_code(factor, terms.code)),) if factor and factor.confirmed_at else ()
    others = repository.open_sessions(known.username) if terms.single_session else []
    ended = tuple((each, replace(each, revoked_at=now)) for each in others)
    new, changed, removed = _remember_device(repository, session, terms.device_secret)
    return Change(
        _authenticated_session(repository, known, session, pair, now),
        (session, pair, *new),
        (*asked, *ended, *changed),
        removed,
    )


class _DeviceChanges(NamedTuple):
    new: tuple[KnownDevice, ...] = ()
    changed: tuple[tuple[KnownDevice, KnownDevice], ...] = ()
    removed: tuple[KnownDevice, ...] = ()


def _remember_device(repository: AccountRepository, session: Session, secret: str | None) -> _DeviceChanges:
    """Makes the device of a new session a known one, or notes the session if it is known already."""
    if secret is None:
        return _DeviceChanges()
    after = KnownDevice(secret, session.username, session.id, session.created_at)
    if before := find_known_device(repository, session.username, secret, session.created_at):
        return _DeviceChanges(changed=((before, after),))
    return _DeviceChanges((after,), (), surplus_devices(repository.known_devices(session.username), after.signed_in_at))


def find_known_device(repository: AccountRepository, username: str, secret: str, now: datetime) -> KnownDevice | None:
    """Finds the known device of an account by the digest of its secret."""
    known = repository.get(KnownDevice, secret)
    return known if known and known.username == username and known.is_valid(now) else None


def change_password(
    repository: AccountRepository, person: Person, digest: str, password: str, now: datetime
) -> Change[EndedAccess]:
    """Changes the password of a person whose old one was verified; ends all other sessions and linked identities.

    `digest`: of the access token of the request; `password`: hash of the new password. Raises Unauthenticated if the
    account was changed meanwhile, Forbidden for accounts of the demo office, whose passwords are public.
    """
    known = repository.lock_person(person.username)
    if known is None or not known.active or known.password != person.password:
        raise Unauthenticated
    if known.demo:
        raise Forbidden("演示账号不能修改密码")
    own, _ = _load_session_and_pair(repository, digest)
    ended = end_access(repository, known.username, now, spared=own.id if own else None)
    changed = ((known, replace(known, password=password, password_at=now)), *ended.sessions)
    return Change(ended, changed=changed, removed=ended.removals)


def refresh_session(
    repository: AccountRepository, digest: str, pair_id: UUID, digests: TokenDigests, now: datetime
) -> Change[AuthenticatedSession | Session | None]:
    """Renews a session by the digest of its refresh token. Returns None if the token is unknown or expired.

    Returns the session, now revoked, if the token had already been replaced: somebody else has a copy of it.
    """
    session, pair = _load_session_and_pair(repository, digest)
    person = repository.person(session.username) if session else None
    if session is None or pair is None or digest != pair.refresh or not session.is_valid(now):
        return Change(None)
    if person is None or not person.active or now >= pair.refresh_expires_at:
        return Change(None)
    if not pair.can_renew(now):
        if pair.used_at is None:  # an unused sibling of the current pair
            return Change(None)
        ended = replace(session, revoked_at=now)
        return Change(ended, changed=((session, ended),), removed=forget_devices(repository, session))
    standing = repository.current_pairs(session.id)
    made = new_pair(session, pair_id, digests, now, parent=pair.id)
    seen, used = replace(session, seen_at=now), _record_use(repository, pair, standing, now)
    removed = () if used else surplus_pairs(standing)
    return Change(
        _authenticated_session(repository, person, seen, made, now), (made,), ((session, seen), *used), removed
    )


def record_access_use(repository: AccountRepository, digest: str, now: datetime) -> Change[AuthenticatedSession | None]:
    """Records the first use of an access token: its pair becomes the current one. Returns None if it is not valid."""
    session, pair = _load_session_and_pair(repository, digest)
    if session is None or pair is None:
        return Change(None)
    known = _authenticate(repository, session, pair, digest, now)
    changed = _record_use(repository, pair, repository.current_pairs(session.id), now) if known else ()
    return Change(None if pair.spent_until and not changed else known, changed=changed)


def close_session(repository: AccountRepository, digest: str, now: datetime) -> Change[None]:
    session, _ = _load_session_and_pair(repository, digest)
    if session is None or session.revoked_at:
        return Change(None)
    return Change(None, changed=((session, replace(session, revoked_at=now)),))


def delete_expired_tokens(repository: AccountRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes at most `limit` pairs whose refresh token has expired. Returns how many were deleted."""
    over = repository.expired_pairs(now, limit)
    return Change(len(over), removed=tuple(over))


def find_valid_session(repository: AccountRepository, digest: str, now: datetime) -> AuthenticatedSession | None:
    """Finds the session of an access token, if both are valid now; for reads that change nothing."""
    pair = repository.find_token_pair(digest)
    session = repository.get(Session, pair.session) if pair else None
    return _authenticate(repository, session, pair, digest, now) if session and pair else None


def find_signed_in_person(repository: AccountRepository, digest: str, now: datetime) -> Person | None:
    """Finds the owner of an access token, with the grants in effect now, if its device is still signed in.

    The token itself may have expired: for a request that began in time and took long.
    """
    pair = repository.find_token_pair(digest)
    session = repository.get(Session, pair.session) if pair else None
    if session is None or pair is None or digest != pair.access or not session.is_valid(now):
        return None
    person = repository.person(session.username)
    if person is None or not person.active:
        return None
    return person_with_delegations(repository, person, now).with_current_grants(now)


def _load_session_and_pair(repository: AccountRepository, digest: str) -> tuple[Session | None, TokenPair | None]:
    """Loads session and pair of a token's digest, the session first: all writers use this order, to avoid deadlocks."""
    found = repository.find_token_pair(digest)
    session = repository.get(Session, found.session) if found else None
    return session, repository.get(TokenPair, found.id) if found and session else None


def _authenticate(
    repository: AccountRepository, session: Session, pair: TokenPair, digest: str, now: datetime
) -> AuthenticatedSession | None:
    if digest != pair.access or not pair.gives_access(now) or not session.is_valid(now):
        return None
    person = repository.person(session.username)
    return _authenticated_session(repository, person, session, pair, now) if person and person.active else None


def _record_use(
    repository: AccountRepository, pair: TokenPair, standing: list[TokenPair], now: datetime
) -> PairChanges:
    if pair.used_at:
        return ()
    return record_first_use(pair, repository.get(TokenPair, pair.parent) if pair.parent else None, standing, now)


def _authenticated_session(
    repository: AccountRepository, person: Person, session: Session, pair: TokenPair, now: datetime
) -> AuthenticatedSession:
    whole = person_with_delegations(repository, person, now)
    return AuthenticatedSession(
        whole.with_current_grants(now), session, pair, min([pair.access_expires_at, *whole.upcoming_grant_changes(now)])
    )

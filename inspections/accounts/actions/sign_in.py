"""Actions of sign-in: open, renew and end sessions, count password attempts, change the password.

Token secrets are passed as digests only.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.actions.delegations import with_lent
from inspections.accounts.actions.revocation import Ended, end_access
from inspections.accounts.external_identities import Identity
from inspections.accounts.people import Person
from inspections.accounts.repository import AccountRepository
from inspections.accounts.second_factor import SecondFactor, Shown, used
from inspections.accounts.sessions import (
    IDLE_LASTS,
    SESSION_LASTS,
    Changes,
    Digests,
    Session,
    TokenPair,
    first_use,
    giving_way,
    new_pair,
)
from inspections.accounts.throttling import OF_ACCOUNT, OF_ADDRESS, Patience, Tally, tried, untried
from inspections.change import Change
from inspections.errors import Forbidden, NotLinked, SignInFailed, Unauthenticated


class SignedIn(NamedTuple):
    """A valid session and its owner. `person` has only the grants in effect now; `until`: when to authenticate again.

    `pair`: the token pair that was used; it counts as new until its first use.
    """

    person: Person
    session: Session
    pair: TokenPair
    until: datetime


class Terms(NamedTuple):
    """Options of a new session. `idle`: its idle timeout. `single_session`: ends all other sessions of the account.

    `identity`: the linked identity used instead of the password. `code`: the submitted code of the second factor.
    """

    idle: timedelta = IDLE_LASTS
    alone: bool = False
    through: Identity | None = None
    shown: Shown | None = None


USUAL = Terms()


class Tries(NamedTuple):
    """The counter keys of a password attempt: digests of account and address, so neither is stored as plain text."""

    account: str
    address: str


def try_password(
    repository: AccountRepository, tries: Tries, now: datetime, patience: Patience = OF_ACCOUNT
) -> Change[None]:
    """Counts a password attempt before the password is checked. Raises TooManyTries during the backoff."""
    counting = [
        (before := repository.kept(Tally, key), tried(before, key, each, now))
        for key, each in zip(tries, (patience, OF_ADDRESS), strict=True)
    ]
    new = tuple(after for before, after in counting if before is None)
    return Change(None, new, tuple((before, after) for before, after in counting if before is not None))


def good_password(repository: AccountRepository, tries: Tries, *, whole: bool) -> Change[None]:
    """Undoes one counted attempt after a correct password. `whole`: sign-in is complete, so the account starts anew.

    Until then, earlier failures remain, so that guessing codes of the second factor is limited too.
    """
    account, address = (repository.kept(Tally, key) for key in tries)
    left = {before: untried(before) for before in (account, address) if before}
    if account and whole:
        left[account] = None
    changed = tuple((before, after) for before, after in left.items() if after)
    return Change(None, changed=changed, removed=tuple(before for before, after in left.items() if not after))


def open_session(
    repository: AccountRepository,
    person: Person,
    session_id: UUID,
    device: str,
    digests: Digests,
    now: datetime,
    terms: Terms = USUAL,
) -> Change[SignedIn]:
    """Opens a session for a person whose password or identity was verified; checks the second factor if one is set.

    Raises SignInFailed, also if the account was changed meanwhile; NotLinked if the identity was unlinked meanwhile;
    SecondFactorNeeded.
    """
    known = repository.account(person.username)  # locked, so that a concurrent reset does not miss this session
    if known is None or not known.active or known.password != person.password:
        raise SignInFailed
    if terms.through and repository.kept(Identity, terms.through.provider, terms.through.subject) != terms.through:
        raise NotLinked
    seconds = int(terms.idle.total_seconds())
    session = Session(session_id, person.username, device, now, now + SESSION_LASTS, now, idle_seconds=seconds)
    pair = new_pair(session, session_id, digests, now)
    factor = repository.kept(SecondFactor, person.username)
    asked = ((factor, used(factor, terms.shown)),) if factor and factor.confirmed_at else ()
    others = repository.open_sessions(known.username) if terms.alone else []
    ended = tuple((each, replace(each, revoked_at=now)) for each in others)
    return Change(_signed_in(repository, known, session, pair, now), (session, pair), (*asked, *ended))


def change_password(
    repository: AccountRepository, person: Person, digest: str, password: str, now: datetime
) -> Change[Ended]:
    """Changes the password of a person whose old one was verified; ends all other sessions and linked identities.

    `digest`: of the access token of the request; `password`: hash of the new password. Raises Unauthenticated if the
    account was changed meanwhile, Forbidden for accounts of the demo office, whose passwords are public.
    """
    known = repository.account(person.username)
    if known is None or not known.active or known.password != person.password:
        raise Unauthenticated
    if known.demo:
        raise Forbidden("演示账号不能修改密码")
    own, _ = _behind(repository, digest)
    ended = end_access(repository, known.username, now, spared=own.id if own else None)
    changed = ((known, replace(known, password=password, password_at=now)), *ended.sessions)
    return Change(ended, changed=changed, removed=ended.identities)


def refresh_session(
    repository: AccountRepository, digest: str, pair_id: UUID, digests: Digests, now: datetime
) -> Change[SignedIn | Session | None]:
    """Renews a session by the digest of its refresh token. Returns None if the token is unknown or expired.

    Returns the session, now revoked, if the token had already been replaced: somebody else has a copy of it.
    """
    session, pair = _behind(repository, digest)
    person = repository.person(session.username) if session else None
    if session is None or pair is None or digest != pair.refresh or not session.stands(now):
        return Change(None)
    if person is None or not person.active or now >= pair.refresh_expires_at:
        return Change(None)
    if not pair.renews(now):
        if pair.used_at is None:  # an unused sibling of the current pair
            return Change(None)
        ended = replace(session, revoked_at=now)
        return Change(ended, changed=((session, ended),))
    standing = repository.standing_pairs(session.id)
    made = new_pair(session, pair_id, digests, now, parent=pair.id)
    seen, used = replace(session, seen_at=now), _used(repository, pair, standing, now)
    removed = () if used else giving_way(standing)
    return Change(_signed_in(repository, person, seen, made, now), (made,), ((session, seen), *used), removed)


def use_access(repository: AccountRepository, digest: str, now: datetime) -> Change[SignedIn | None]:
    """Records the first use of an access token: its pair becomes the current one. Returns None if it is not valid."""
    session, pair = _behind(repository, digest)
    if session is None or pair is None:
        return Change(None)
    known = _known(repository, session, pair, digest, now)
    changed = _used(repository, pair, repository.standing_pairs(session.id), now) if known else ()
    return Change(None if pair.spent_until and not changed else known, changed=changed)


def close_session(repository: AccountRepository, digest: str, now: datetime) -> Change[None]:
    session, _ = _behind(repository, digest)
    if session is None or session.revoked_at:
        return Change(None)
    return Change(None, changed=((session, replace(session, revoked_at=now)),))


def forget_tokens(repository: AccountRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes at most `limit` pairs whose refresh token has expired. Returns how many were deleted."""
    over = repository.expired_pairs(now, limit)
    return Change(len(over), removed=tuple(over))


def behind_access(repository: AccountRepository, digest: str, now: datetime) -> SignedIn | None:
    """Finds the session of an access token, if both are valid now; for reads that change nothing."""
    pair = repository.pair_of(digest)
    session = repository.kept(Session, pair.session) if pair else None
    return _known(repository, session, pair, digest, now) if session and pair else None


def _behind(repository: AccountRepository, digest: str) -> tuple[Session | None, TokenPair | None]:
    """Loads session and pair of a token's digest, the session first: all writers use this order, to avoid deadlocks."""
    found = repository.pair_of(digest)
    session = repository.kept(Session, found.session) if found else None
    return session, repository.kept(TokenPair, found.id) if found and session else None


def _known(
    repository: AccountRepository, session: Session, pair: TokenPair, digest: str, now: datetime
) -> SignedIn | None:
    if digest != pair.access or not pair.gives_access(now) or not session.stands(now):
        return None
    person = repository.person(session.username)
    return _signed_in(repository, person, session, pair, now) if person and person.active else None


def _used(repository: AccountRepository, pair: TokenPair, standing: list[TokenPair], now: datetime) -> Changes:
    if pair.used_at:
        return ()
    return first_use(pair, repository.kept(TokenPair, pair.parent) if pair.parent else None, standing, now)


def _signed_in(
    repository: AccountRepository, person: Person, session: Session, pair: TokenPair, now: datetime
) -> SignedIn:
    whole = with_lent(repository, person, now)
    return SignedIn(whole.at(now), session, pair, min([pair.access_expires_at, *whole.turns_after(now)]))

"""Sessions: a device signs in, renews its tokens, signs out; its owner changes the password.

Secrets come in as digests only.
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
    """`person`: with nothing but the grants that count now. `until`: from when on this has to be asked again.

    `pair`: whose token was shown; it is new while nobody has used it.
    """

    person: Person
    session: Session
    pair: TokenPair
    until: datetime


class Terms(NamedTuple):
    """`idle`: how long a device may be left alone. `alone`: every other session of the account ends with this one.

    `through`: the linked identity that was shown in place of the password. `shown`: of the second factor.
    """

    idle: timedelta = IDLE_LASTS
    alone: bool = False
    through: Identity | None = None
    shown: Shown | None = None


USUAL = Terms()


class Tries(NamedTuple):
    """Under which keys a password is tried: of the account and of the address, so that neither is kept in words."""

    account: str
    address: str


def try_password(
    repository: AccountRepository, tries: Tries, now: datetime, patience: Patience = OF_ACCOUNT
) -> Change[None]:
    """Counts a try before the password is looked at. Raises TooManyTries where the last one is too recent."""
    counting = [
        (before := repository.kept(Tally, key), tried(before, key, each, now))
        for key, each in zip(tries, (patience, OF_ADDRESS), strict=True)
    ]
    new = tuple(after for before, after in counting if before is None)
    return Change(None, new, tuple((before, after) for before, after in counting if before is not None))


def good_password(repository: AccountRepository, tries: Tries, *, whole: bool) -> Change[None]:
    """The password was right: this try was no failure. `whole`: nothing is missing, and what was before is forgiven.

    Who knows a password and guesses the codes of a second factor does not begin anew with every guess.
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
    """`person` has shown their password, and `terms.shown` of a second factor, which is asked for where there is one.

    Raises SignInFailed, also where the account was changed meanwhile; NotLinked where the identity that they have shown
    in place of the password was unlinked meanwhile; SecondFactorNeeded.
    """
    known = repository.account(person.username)  # to be changed: so that no end of all its sessions misses this one
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
    """`person` has shown the old password; `password`: the hash of the new one. Answers what ends with the old one:
    every other device is signed out, and linked identities go, which somebody else may have linked.

    `digest`: of the access token that asks. Raises Unauthenticated where the account was changed meanwhile, and
    Forbidden for an account of the demo office, whose password others have been told.
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
    """`digest` is of the refresh token that was sent. None: it is unknown or expired.

    A session: it has ended now, because this token was replaced before and is known to somebody else too.
    """
    session, pair = _behind(repository, digest)
    person = repository.person(session.username) if session else None
    if session is None or pair is None or digest != pair.refresh or not session.stands(now):
        return Change(None)
    if person is None or not person.active or now >= pair.refresh_expires_at:
        return Change(None)
    if not pair.renews(now):
        if pair.used_at is None:  # a sibling of the one that stands: nobody has worked with it
            return Change(None)
        ended = replace(session, revoked_at=now)
        return Change(ended, changed=((session, ended),))
    standing = repository.standing_pairs(session.id)
    made = new_pair(session, pair_id, digests, now, parent=pair.id)
    seen, used = replace(session, seen_at=now), _used(repository, pair, standing, now)
    removed = () if used else giving_way(standing)
    return Change(_signed_in(repository, person, seen, made, now), (made,), ((session, seen), *used), removed)


def use_access(repository: AccountRepository, digest: str, now: datetime) -> Change[SignedIn | None]:
    """The first use of an access token: its pair stands from now on. None where it is good no more."""
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
    """At most `limit` pairs whose refresh token has expired go; answers how many."""
    over = repository.expired_pairs(now, limit)
    return Change(len(over), removed=tuple(over))


def behind_access(repository: AccountRepository, digest: str, now: datetime) -> SignedIn | None:
    """Who an access token belongs to, while it is good; for who changes nothing."""
    pair = repository.pair_of(digest)
    session = repository.kept(Session, pair.session) if pair else None
    return _known(repository, session, pair, digest, now) if session and pair else None


def _behind(repository: AccountRepository, digest: str) -> tuple[Session | None, TokenPair | None]:
    """The session is asked for before its pair, as by everybody who changes both."""
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

"""Sessions: a device signs in, renews its tokens, signs out. Secrets come in as digests only.

A refresh token rotates. The one before it stays good for a minute, because the answer that carried the new pair may
have been lost in a stairwell; used after that, it is somebody else's copy, and the session ends.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.actions.delegations import with_lent
from inspections.errors import SignInFailed
from inspections.people import Person, Session
from inspections.register import Change, Register

ACCESS_LASTS = timedelta(minutes=15)
REFRESH_LASTS = timedelta(days=14)
GRACE = timedelta(seconds=60)


class Pair(NamedTuple):
    """SHA-256 digests of a new access and a new refresh token."""

    access: str
    refresh: str


class SignedIn(NamedTuple):
    """`person`: with nothing but the grants that count now. `until`: from when on this has to be asked again."""

    person: Person
    session: Session
    until: datetime


def open_session(
    register: Register, person: Person, session_id: UUID, device: str, pair: Pair, now: datetime
) -> Change[SignedIn]:
    """`person` has shown their password. Raises SignInFailed where the account was changed meanwhile."""
    known = register.person(person.username)
    if known is None or not known.active or known.password != person.password:
        raise SignInFailed
    session = Session(
        id=session_id,
        username=person.username,
        device=device,
        access=pair.access,
        access_expires_at=now + ACCESS_LASTS,
        refresh=pair.refresh,
        refresh_expires_at=now + REFRESH_LASTS,
        previous_refresh=None,
        previous_until=None,
        created_at=now,
    )
    return Change(_signed_in(register, known, session, now), (session,))


def refresh_session(register: Register, digest: str, pair: Pair, now: datetime) -> Change[SignedIn | None]:
    """`digest` is of the refresh token that was sent. None: it is unknown, spent or expired."""
    session = register.session_of(digest)
    person = register.person(session.username) if session else None
    if session is None or person is None or not person.active or not is_alive(session, now):
        return Change(None)
    if digest == session.previous_refresh and now > (session.previous_until or now):
        return Change(None, changed=((session, replace(session, revoked_at=now)),))
    if digest not in {session.refresh, session.previous_refresh}:
        return Change(None)
    renewed = replace(
        session,
        access=pair.access,
        access_expires_at=now + ACCESS_LASTS,
        refresh=pair.refresh,
        refresh_expires_at=now + REFRESH_LASTS,
        previous_refresh=digest,
        previous_until=now + GRACE if digest == session.refresh else session.previous_until,
    )
    return Change(_signed_in(register, person, renewed, now), changed=((session, renewed),))


def close_session(register: Register, digest: str, now: datetime) -> Change[None]:
    session = register.session_of(digest)
    if session is None or session.revoked_at:
        return Change(None)
    return Change(None, changed=((session, replace(session, revoked_at=now)),))


def is_alive(session: Session, now: datetime) -> bool:
    return session.revoked_at is None and now < session.refresh_expires_at


def behind_access(register: Register, digest: str, now: datetime) -> SignedIn | None:
    """Who an access token belongs to, while it is good."""
    session = register.session_of(digest)
    if session is None or session.access != digest or session.revoked_at or now >= session.access_expires_at:
        return None
    person = register.person(session.username)
    return _signed_in(register, person, session, now) if person and person.active else None


def _signed_in(register: Register, person: Person, session: Session, now: datetime) -> SignedIn:
    whole = with_lent(register, person, now)
    return SignedIn(whole.at(now), session, min([session.access_expires_at, *whole.turns_after(now)]))

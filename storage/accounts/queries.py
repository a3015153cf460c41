"""The queries for accounts, delegations, API keys, sessions and their tokens."""

from typing import Any

from sqlalchemy import Select, Text, bindparam, select

from storage.accounts.tables import (
    admin_requests,
    decision_links,
    delegations,
    exchanged_codes,
    identities,
    keys,
    known_devices,
    people,
    security_events,
    sessions,
    tallies,
    token_pairs,
)

OLD_ATTEMPT_COUNTERS = (
    select(tallies).where(tallies.c.since < bindparam("now")).order_by(tallies.c.since).limit(bindparam("limit"))
)

PEOPLE = select(people).order_by(people.c.username)
ACCOUNT = select(people).where(people.c.username == bindparam("username"))
ADMINISTRATORS = PEOPLE.where(people.c.grants.cast(Text).contains('admin"'))
RECEIVED_DELEGATIONS = select(delegations).where(
    delegations.c.receiver == bindparam("username"),
    delegations.c.until > bindparam("now"),
    delegations.c.revoked_at.is_(None),
)
SESSIONS = select(sessions).where(sessions.c.username == bindparam("username")).order_by(sessions.c.id)
OPEN_SESSIONS = SESSIONS.where(sessions.c.revoked_at.is_(None))
PAIR_BY_DIGEST = select(token_pairs).where(
    (token_pairs.c.access == bindparam("digest")) | (token_pairs.c.refresh == bindparam("digest"))
)
CURRENT_PAIRS = (
    select(token_pairs)
    .where(token_pairs.c.session == bindparam("session"), token_pairs.c.spent_until.is_(None))
    .order_by(token_pairs.c.id)
)
EXPIRED_PAIRS = (
    select(token_pairs)
    .where(token_pairs.c.refresh_expires_at <= bindparam("now"))
    .order_by(token_pairs.c.refresh_expires_at)
    .limit(bindparam("limit"))
)
IDENTITIES = select(identities).where(identities.c.username == bindparam("username")).order_by(identities.c.provider)
EXCHANGED_CODE = select(exchanged_codes).where(exchanged_codes.c.code == bindparam("digest"))
OLD_EXCHANGED_CODES = (
    select(exchanged_codes)
    .where(exchanged_codes.c.exchanged_at <= bindparam("now"))
    .order_by(exchanged_codes.c.exchanged_at)
    .limit(bindparam("limit"))
)
OLDEST_EXCHANGED_CODES = (
    select(exchanged_codes).order_by(exchanged_codes.c.exchanged_at.desc()).offset(bindparam("spared"))
)
ADMIN_REQUESTS = select(admin_requests).order_by(admin_requests.c.requested_at.desc(), admin_requests.c.id).limit(200)
KNOWN_DEVICES = (
    select(known_devices).where(known_devices.c.username == bindparam("username")).order_by(known_devices.c.secret)
)
DECISION_LINK = select(decision_links).where(decision_links.c.digest == bindparam("digest"))
DECISION_LINKS = (
    select(decision_links).where(decision_links.c.username == bindparam("username")).order_by(decision_links.c.digest)
)
OLD_DECISION_LINKS = (
    select(decision_links)
    .where(decision_links.c.expires_at < bindparam("now"))
    .order_by(decision_links.c.expires_at)
    .limit(bindparam("limit"))
)
OLD_EVENTS = (
    select(security_events)
    .where(security_events.c.at < bindparam("now"))
    .order_by(security_events.c.at)
    .limit(bindparam("limit"))
)
KEYS = select(keys).order_by(keys.c.made_at.desc(), keys.c.id)
KEY_BY_DIGEST = select(keys).where((keys.c.secret == bindparam("digest")) | (keys.c.previous == bindparam("digest")))


def select_delegations(username: str | None) -> Select[Any]:
    """Selects the delegations that a person gave or received, or all for None, newest first."""
    found = select(delegations).order_by(delegations.c.made_at.desc(), delegations.c.id)
    if username is None:
        return found
    return found.where((delegations.c.giver == username) | (delegations.c.receiver == username))

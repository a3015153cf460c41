"""Dispatches the outbox: notices become inbox entries and deliveries, and each channel's task delivers its own.

A channel that hangs blocks no other. If a process is killed, its claims expire and another process takes them over,
so each notice is delivered at least once.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from uuid import UUID

import structlog
from msgspec.structs import replace

from api.http.outbound import ForbiddenAddress, SendFailure
from api.http.tokens import hash_token, new_token
from api.notices.channels import error_summary
from api.notices.envelopes import Channel, Envelope, NoticeSubject, channel_info
from inspections.accounts.policy import scope
from inspections.errors import Unavailable
from inspections.notices.actions.decision_links import STEP_BY_LINK, WantedLink, create_decision_links
from inspections.notices.actions.delivery import (
    claim_deliveries,
    dispatch_notices,
    present_recipients,
    record_attempts,
    render_hidden_notice,
    render_notices,
)
from inspections.notices.outbox import Delivery, DeliveryAttempt, Notice
from inspections.notices.templates import decision_link_text
from storage.database import Database
from storage.notices.inbox import get_notice
from storage.repository import Repository

log = structlog.get_logger()

_NOTICE_BATCH, _NOTICE_SECONDS = 200, 0.1
"""Notices are dispatched in batches, one every tenth of a second, so that many share its cost."""
_PAUSE_RATIO_WITH_REQUESTS, _PAUSE_RATIO = 2.0, 1.0
"""Pause between batches per second of the previous batch: a flood leaves two thirds of the time to this process's
requests or, in a process without requests, half of it to the database."""
_MAX_PAUSE_SECONDS = 0.1
"""The longest pause between batches."""


class Notifier:
    """Runs the outbox and the channels as tasks. `tick`: seconds between checks while there is nothing to do.

    `decision_url`: makes the address of a decision link from its token; None where no public address is set.
    `yields`: this process answers requests too. `start` needs a running event loop.
    """

    def __init__(
        self,
        database: Database,
        channels: Sequence[Channel],
        clock: Callable[[], datetime],
        tick: float,
        decision_url: Callable[[str], str | None],
        *,
        yields: bool,
    ) -> None:
        self._tick = tick
        self._pause_ratio = _PAUSE_RATIO_WITH_REQUESTS if yields else _PAUSE_RATIO
        self._database = database
        self._channels = channels
        self._outlets = [channel_info(channel) for channel in channels]
        self._clock = clock
        self._decision_url = decision_url
        self._tasks: list[asyncio.Task[None]] = []
        self._closed_until: dict[str, datetime] = {}  # by channel: its receiver wants nothing before

    def start(self) -> None:
        works = [self.dispatch_batch, *(partial(self.deliver_batch, channel) for channel in self._channels)]
        self._tasks = [asyncio.create_task(self._run_loop(work)) for work in works]

    async def stop(self) -> None:
        """Cancels the tasks and closes the channels. Unfinished deliveries are retried later."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels:
            await channel.close()

    async def _run_loop(self, work: Callable[[], Awaitable[int]]) -> None:
        while True:
            try:
                while await work():
                    pass
            except Unavailable as error:  # the database is away; the notices wait in it
                log.warning("notices wait", reason=str(error))
            except Exception:  # a fault must not end the loop
                log.exception("fault", job="notices")
            await asyncio.sleep(self._tick)

    async def dispatch_batch(self) -> int:
        """Dispatches one batch of notices from the outbox and pauses, so that more gather; returns how many."""
        action = partial(dispatch_notices, now=self._clock(), limit=_NOTICE_BATCH, outlets=self._outlets)
        if dispatched := await self._database.transact(action):
            await asyncio.sleep(_NOTICE_SECONDS)
        return dispatched

    async def deliver_batch(self, channel: Channel) -> int:
        """Tries one batch of a channel's deliveries in parallel; returns how many were tried or postponed.

        Nothing is tried while the receiver wants nothing more.
        """
        now, began = self._clock(), time.monotonic()
        if now < self._closed_until.get(channel.name, now):
            return 0
        claim = partial(claim_deliveries, channel=channel.name, now=now, limit=channel.at_once)
        claimed, put_off = await self._database.transact(claim)
        if not claimed:
            return put_off
        build = partial(_build_envelopes, claimed=claimed, now=now)
        envelopes = await self._database.read(build)
        if links := await self._create_decision_links(channel, [*zip(claimed, envelopes, strict=True)]):
            envelopes = await self._database.read(partial(build, links=links))
        attempts = await asyncio.gather(
            *(self._attempt_delivery(channel, *each) for each in zip(claimed, envelopes, strict=True))
        )
        given_up = await self._database.transact(partial(record_attempts, attempts=attempts, now=self._clock()))
        if given_up:
            log.error("notices given up", channel=channel.name, number=given_up)
        await asyncio.sleep(min(self._pause_ratio * (time.monotonic() - began), _MAX_PAUSE_SECONDS))
        return len(claimed)

    async def _create_decision_links(
        self, channel: Channel, batch: Sequence[tuple[Delivery, Envelope]]
    ) -> dict[UUID, dict[str, str]]:
        """Creates a link for each recipient of a notice who may decide its request: delivery → username → address.

        A chat group gets none: a link is for one person. Each try of a delivery gets a link of its own.
        """
        wanted: list[tuple[UUID, WantedLink, str]] = []
        for delivery, envelope in batch if channel.reach != "group" else ():
            for username in envelope.to if envelope.hazard and envelope.kind in STEP_BY_LINK else ():
                token = new_token()
                if envelope.hazard and (url := self._decision_url(token)):
                    link = WantedLink(envelope.kind, envelope.hazard.id, username, hash_token(token))
                    wanted.append((delivery.id, link, url))
        if not wanted:
            return {}
        action = partial(create_decision_links, wanted=[link for _, link, _ in wanted], now=self._clock())
        created = await self._database.transact(action)
        links: dict[UUID, dict[str, str]] = {}
        for delivery_id, link, url in wanted:
            if link.digest in created:
                links.setdefault(delivery_id, {})[link.username] = url
        return links

    async def _attempt_delivery(self, channel: Channel, delivery: Delivery, envelope: Envelope) -> DeliveryAttempt:
        if delivery.username and not envelope.addresses:
            return DeliveryAttempt(delivery.id, "its recipient has no account or address any more", 0.0, last=True)
        error, wait = None, timedelta()
        try:
            await channel.deliver(envelope, self._clock())
        except (SendFailure, ForbiddenAddress) as failure:
            error = error_summary(failure)
            if isinstance(failure, SendFailure) and failure.wait:
                wait, self._closed_until[channel.name] = failure.wait, self._clock() + failure.wait
            log.warning("not delivered", channel=channel.name, notice=str(envelope.id), tries=delivery.tries, why=error)
        except Exception as fault:  # a fault in one delivery must not block the others
            error = error_summary(SendFailure(f"fault: {type(fault).__name__}"))
            log.exception("fault", job="delivering", channel=channel.name, notice=str(envelope.id))
        return DeliveryAttempt(delivery.id, error, random.random(), wait=wait)  # noqa: S311  # jitter, no secret


def _build_envelopes(
    repository: Repository,
    claimed: Sequence[Delivery],
    now: datetime,
    links: Mapping[UUID, dict[str, str]] = MappingProxyType({}),
) -> list[Envelope]:
    """Builds what is sent. A mail tells no more than its recipient's inbox would show at this moment.

    `links`: decision links by delivery and recipient. The text for a single recipient contains the link.
    """
    hazards = {each.id: each for each in repository.hazards([each.hazard for each in claimed if each.hazard])}
    notices = [_with_link(get_notice(repository, each), links.get(each.id, {}).get(each.username)) for each in claimed]
    found = [hazards.get(delivery.hazard) if delivery.hazard else None for delivery in claimed]
    texts = render_notices(repository, [*zip(notices, found, strict=True)])
    made: list[Envelope] = []
    for delivery, notice, hazard, text in zip(claimed, notices, found, texts, strict=True):
        told = present_recipients(repository, delivery.recipients, now)
        if delivery.username and hazard and not any(scope(each, "hazard.personal").covers(hazard) for each in told):
            named, words = None, render_hidden_notice(repository, notice.kind)
        else:
            named = hazard and NoticeSubject(*(getattr(hazard, name) for name in NoticeSubject.__struct_fields__))
            words = text
        to = tuple(person.username for person in told)
        addresses = tuple(person.email for person in told if person.email) if delivery.username else ()
        own = links.get(delivery.id, {})
        made.append(Envelope(notice.id, notice.kind, notice.at, to, named, words.title, words.text, addresses, own))
    return made


def _with_link(notice: Notice, url: str | None) -> Notice:
    """Adds a decision link to the values of the notice's template."""
    return replace(notice, facts={**notice.facts, "decision_link": decision_link_text(url)}) if url else notice

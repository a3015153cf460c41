"""A small office in memory: the domain's Repository over dictionaries, and the people who work in it."""

from datetime import UTC, datetime, timedelta
from secrets import token_hex
from uuid import UUID, uuid4

from inspections.accounts.admin_requests import AdminRequest
from inspections.accounts.api_keys import ApiKey
from inspections.accounts.decision_links import DecisionLink
from inspections.accounts.delegations import Delegation
from inspections.accounts.external_identities import ExchangedCode, ExternalIdentity
from inspections.accounts.known_devices import KnownDevice
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import scope
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.security_log import SecurityEvent
from inspections.accounts.sessions import Session, TokenPair
from inspections.accounts.throttling import AttemptCounter
from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.fix_links.links import FixLink
from inspections.hazards.deadlines import FIXING_STATES, is_overdue
from inspections.hazards.duplicates import EarlierReport
from inspections.hazards.records import (
    OPEN_STATES,
    Escalation,
    Hazard,
    HazardReference,
    HazardSummary,
    HistoryEntry,
    State,
)
from inspections.jobs import Job
from inspections.ledger.exports import Export
from inspections.ledger.layout import Layout
from inspections.monitoring.alerts import AlertSeries, ReadingBuffer
from inspections.monitoring.broker_leases import Lease
from inspections.monitoring.devices import Monitor, Signature
from inspections.monitoring.faults import DeviceFault
from inspections.monitoring.rejections import RejectionCount
from inspections.notices.outbox import Agenda, Delivery, Notice, PhotoSender
from inspections.notices.templates import Template
from inspections.office.categories import CATALOGUE, Category
from inspections.office.rules import OFFICE, Rulebook, Rules
from inspections.photos.evidence import DeclaredPhoto, PhotoMatch
from inspections.photos.perceptual_hash import MAX_DISTANCE, distance
from inspections.photos.records import (
    HashBand,
    Photo,
    PhotoDeclaration,
    PhotoReference,
    PhotoState,
    Stage,
    UploadReceipt,
)
from inspections.photos.signed_urls import Secret
from inspections.photos.uploads import Upload
from inspections.places.communities import Community, Street
from inspections.places.community_import import Boundary
from inspections.remediation.dispatch_rules import DispatchRule
from inspections.remediation.fix_origins import FixOrigin
from inspections.rounds.checklists import Checklist
from inspections.statistics.briefing import Briefing
from inspections.sync.change_feed import HAZARDS, Feed, HazardChange

CALENDAR = WorkingCalendar({}, frozenset({2025, 2026}))
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Monday, 09:00 in Shanghai
HERE, THERE = Community("330402009036", "电子社区"), Community("330402009025", "北京路社区")


def person(username, *roles, scope=HERE.code):
    return Person(username, username, tuple(Grant(role, scope) for role in roles), "-")


wang = person("wang", Role.INSPECTOR)
li = person("li", Role.OFFICER)
zhao = person("zhao", Role.HANDLER)
sun = person("sun", Role.HANDLER)
ma = person("ma", Role.SUPERVISOR)
chen = person("chen", Role.ANALYST)
zhou = person("zhou", Role.INSPECTOR, scope=THERE.code)
qian = person("qian", Role.OFFICER, scope=THERE.code)


class Office:
    """Stores the changes that actions return, as a database would."""

    calendar = CALENDAR

    @property
    def rules(self):
        book = self.get(Rulebook, OFFICE)
        return book.rules if book else Rules()

    @property
    def dispatch_rules(self):
        return [rule for rule in self.all(DispatchRule) if rule.active]

    def get(self, kind, *key):
        return self.records.get((kind, key if len(key) > 1 else key[0]))

    def calendar_days(self, year):
        return sorted((day for day in self.all(CalendarDay) if day.day.year == year), key=lambda day: day.day)

    def provisional_hazards(self, after, limit):
        found = [each for each in self.all(Hazard) if each.due_provisional or each.stage_term]
        found = [each for each in found if each.state in OPEN_STATES and each.id > after]
        return sorted(found, key=lambda each: each.id)[:limit]

    def __init__(self):
        self.records = {}
        self.numbers = {}
        self.keep(
            Street(HERE.street, "新嘉街道", "XJ"), HERE, THERE, *CATALOGUE, wang, li, zhao, sun, ma, chen, zhou, qian
        )

    def keep(self, *records):
        for record in records:
            self.records[type(record), _key(record)] = record

    def do(self, action, *facts, **more):
        """Runs an action twice, as a database may, and stores the change of the second run."""
        before = dict(self.numbers)
        action(self, *facts, **more)
        self.numbers = before
        change = action(self, *facts, **more)
        for record in change.new:
            assert (type(record), _key(record)) not in self.records, "inserted twice"
        self.keep(*change.new)
        for record in change.removed:
            assert self.records.pop((type(record), _key(record))) == record
        for old, new in change.changed:
            assert self.records[type(old), _key(old)] == old
            self.keep(new)
        return change.answer

    def all(self, kind):
        return [record for (each, _), record in self.records.items() if each is kind]

    def feed(self):
        return self.get(Feed, HAZARDS)

    def old_changes(self, before_day, limit):
        return sorted((each for each in self.all(HazardChange) if each.day < before_day), key=lambda each: each.id)[
            :limit
        ]

    def community(self, code):
        return self.records.get((Community, code))

    def street(self, code):
        return self.records.get((Street, code))

    def category(self, code):
        return self.records.get((Category, code))

    def categories(self):
        return self.all(Category)

    def person(self, username):
        return self.records.get((Person, username))

    def people(self):
        return self.all(Person)

    def lock_person(self, username):
        return self.person(username)

    def lock_administrators(self):
        return [each for each in self.all(Person) if any("admin" in grant.role for grant in each.grants)]

    def communities(self):
        return self.all(Community)

    def delegation(self, delegation_id):
        return self.records.get((Delegation, delegation_id))

    def delegations(self, username):
        return [each for each in self.all(Delegation) if username in {None, each.giver, each.receiver}]

    def received_delegations(self, username, now):
        return [each for each in self.all(Delegation) if each.receiver == username and each.is_valid(now)]

    def sessions(self, username):
        return [each for each in self.all(Session) if each.username == username]

    def open_sessions(self, username):
        return [each for each in self.all(Session) if each.username == username and not each.revoked_at]

    def find_token_pair(self, digest):
        return next((each for each in self.all(TokenPair) if digest in {each.access, each.refresh}), None)

    def current_pairs(self, session_id):
        return [each for each in self.all(TokenPair) if each.session == session_id and not each.spent_until]

    def expired_pairs(self, now, limit):
        return [each for each in self.all(TokenPair) if each.refresh_expires_at <= now][:limit]

    def old_events(self, before, limit):
        return [each for each in self.all(SecurityEvent) if each.at < before][:limit]

    def identities(self, username):
        return sorted(
            (each for each in self.all(ExternalIdentity) if each.username == username), key=lambda each: each.provider
        )

    def lock_exchanged_code(self, digest):
        return next((each for each in self.all(ExchangedCode) if each.code == digest), None)

    def old_exchanged_codes(self, before, limit):
        return [each for each in self.all(ExchangedCode) if each.exchanged_at <= before][:limit]

    def oldest_exchanged_codes(self, spared):
        return sorted(self.all(ExchangedCode), key=lambda each: each.exchanged_at, reverse=True)[spared:]

    def admin_requests(self):
        return sorted(self.all(AdminRequest), key=lambda each: each.requested_at, reverse=True)

    def known_devices(self, username):
        return [each for each in self.all(KnownDevice) if each.username == username]

    def find_decision_link(self, digest):
        return self.get(DecisionLink, digest)

    def decision_links(self, username):
        return [each for each in self.all(DecisionLink) if each.username == username]

    def old_decision_links(self, before, limit):
        return [each for each in self.all(DecisionLink) if each.expires_at < before][:limit]

    def all_api_keys(self):
        return sorted(self.all(ApiKey), key=lambda key: key.made_at, reverse=True)

    def find_api_key(self, digest):
        return next((key for key in self.all(ApiKey) if digest in {key.secret, key.previous}), None)

    def hazard(self, hazard_id):
        return self.records.get((Hazard, hazard_id))

    def history_entry(self, entry_id):
        return self.records.get((HistoryEntry, entry_id))

    def history_entries(self, ids):
        return [found for each in ids if (found := self.history_entry(each))]

    def photo(self, sha256):
        return self.records.get((Photo, sha256))

    def photos(self, digests):
        return {each.sha256: each for each in self.all(Photo) if each.sha256 in digests}

    def referenced_hazards(self, person, shown):
        ids = {flag.hazard for each in shown for flag in each.mention.flags if flag.hazard}
        seen = [each for each in self.all(Hazard) if each.id in ids and scope(person, "hazard.see").covers(each)]
        return {each.id: HazardReference(each.id, each.number, each.state) for each in seen}

    def receipt(self, sha256, username):
        return self.records.get((UploadReceipt, (sha256, username)))

    def history_of_steps(self, hazard_id, steps, after):
        return [line for line in self.history(hazard_id) if line.step in steps and line.seq > after]

    def old_fix_origins(self, before, limit):
        return [each for each in self.all(FixOrigin) if each.at < before][:limit]

    def recorded_rungs(self, hazard_ids):
        found = (each for each in self.all(Escalation) if each.hazard in hazard_ids)
        return {(each.hazard, each.deadline_number, each.rung) for each in found}

    def checklist_versions(self, code):
        found = [each for each in self.all(Checklist) if each.code == code]
        return sorted(found, key=lambda each: each.version, reverse=True)

    def exports(self, username):
        return [each for each in self.all(Export) if each.by == username]

    def count_briefings(self, username, since):
        return sum(each.made_by == username and each.made_at > since for each in self.all(Briefing))

    def waiting_exports(self, now, limit):
        found = [
            each for each in self.all(Export) if each.is_open and not (each.claimed_until and each.claimed_until >= now)
        ]
        return sorted(found, key=lambda each: each.asked_at)[:limit]

    def old_exports(self, before, limit):
        return [each for each in self.all(Export) if each.asked_at <= before][:limit]

    def silent_monitors(self, now, limit):
        found = [each for each in self.all(Monitor) if each.active and each.outage is None and each.silent_at]
        return sorted((each for each in found if each.silent_at < now), key=lambda each: each.silent_at)[:limit]

    def leases(self):
        return sorted(self.all(Lease), key=lambda each: each.number)

    def old_signatures(self, before, limit):
        return [each for each in self.all(Signature) if each.at < before][:limit]

    def job(self, name):
        return self.records.get((Job, name))

    def secret(self, name):
        return self.records.get((Secret, name))

    def purgeable_photos(self, before, digests):
        def needed(photo):
            shown = [self.hazard(each.hazard) for each in self.all(PhotoReference) if each.sha256 == photo.sha256]
            return any(hazard.state in OPEN_STATES or hazard.updated_at >= before for hazard in shown)

        old = [each for each in self.all(Photo) if each.sha256 in digests and each.received_at < before]
        return [each for each in old if each.state is PhotoState.DEVELOPED and not needed(each)]

    def unexamined_photos(self, limit):
        found = [
            mention
            for mention in self.all(PhotoReference)
            if (photo := self.photo(mention.sha256)) and photo.state is PhotoState.DEVELOPED and not mention.examined
            if self._present(mention) and self._living(mention)
        ]
        return found[:limit]

    def photo_matches(self, pictures):
        return [self._matches(*each) for each in pictures]

    def _matches(self, mention, picture):
        return [
            PhotoMatch(other.hazard, other.copied_from, other.stage, other.sha256, other.at, bits)
            for other in self.all(PhotoReference)
            if other != mention and self._present(other)
            if other.hazard == mention.hazard or self._living(other)
            if (bits := self._bits(mention.sha256, picture, other.sha256)) <= MAX_DISTANCE
        ]

    def _bits(self, sha256, picture, other):
        hashes = {band.sha256: band.hash for band in self.all(HashBand)}
        if sha256 == other:
            return 0
        return distance(picture, hashes[other]) if picture is not None and other in hashes else 64

    def _present(self, mention):
        return mention.by_sight or self.receipt(mention.sha256, mention.by) is not None

    def _living(self, mention):
        hazard = self.hazard(mention.hazard)
        return hazard is None or hazard.state is not State.DUPLICATE

    def upload(self, upload_id):
        return self.records.get((Upload, upload_id))

    def open_uploads(self, username, now):
        found = [upload for upload in self.all(Upload) if upload.expires_at > now and not upload.photo]
        return sorted(
            (upload for upload in found if upload.username == username), key=lambda each: (each.expires_at, each.id)
        )

    def expired_uploads(self, now, limit):
        return [upload for upload in self.all(Upload) if upload.expires_at <= now][:limit]

    def fix_link_by_digest(self, digest):
        return next((link for link in self.all(FixLink) if link.digest == digest), None)

    def fix_links(self, hazard_id):
        return sorted((link for link in self.all(FixLink) if link.hazard == hazard_id), key=lambda link: link.at)[::-1]

    def old_attempt_counters(self, before, limit):
        return [tally for tally in self.all(AttemptCounter) if tally.since < before][:limit]

    def new_id(self):
        return uuid4()

    def new_salt(self):
        return token_hex(16)

    def next_number(self, series):
        self.numbers[series] = self.numbers.get(series, 0) + 1
        return self.numbers[series]

    def may_see_photo(self, person, sha256):
        reach = scope(person, "photo.see")
        mentions = [each for each in self.all(PhotoReference) if each.sha256 == sha256 and self._is_present(each)]
        return any(reach.covers(self.hazard(each.hazard)) for each in mentions)

    def _is_present(self, mention):
        return mention.by_sight or self.receipt(mention.sha256, mention.by) is not None

    def declared_photos(self, hazard_ids):
        mentions = [each for each in self.all(PhotoReference) if each.hazard in hazard_ids]
        return [DeclaredPhoto(each, self.photo(each.sha256) if self._is_present(each) else None) for each in mentions]

    def due_hazards(self, now, limit):
        watched = [each for each in self.all(Hazard) if each.next_check_at and each.next_check_at < now]
        return sorted(watched, key=lambda each: each.next_check_at)[:limit]

    def unprocessed_photos(self, now, limit):
        waiting = [each for each in self.all(Photo) if each.state is PhotoState.RECEIVED]
        return [each for each in waiting if each.claimed_until is None or each.claimed_until < now][:limit]

    def earlier_reports(self, hazard):  # noqa: ARG002  # narrows nothing: the verdict must stand alone
        return [EarlierReport(*(getattr(each, name) for name in EarlierReport._fields)) for each in self.all(Hazard)]

    def duplicates(self, hazard_ids):
        found = sorted(
            (each for each in self.all(Hazard) if each.merged_into in hazard_ids), key=lambda each: each.number
        )
        return [HazardReference(each.id, each.number, each.state) for each in found]

    def pending_notices(self, limit):
        found = [each for each in self.all(Notice) if each.told_at is None]
        first = {}
        for each in found:
            first[each.hazard] = min(each.seq, first.get(each.hazard, each.seq))
        return [each for each in found if each.hazard is None or each.seq == first[each.hazard]][:limit]

    def hazards(self, hazard_ids):
        return [each for each in self.all(Hazard) if each.id in hazard_ids]

    def hazard_summaries(self, hazard_ids):
        found = self.hazards(set(hazard_ids))
        return {each.id: HazardSummary(*(getattr(each, name) for name in HazardSummary._fields)) for each in found}

    def due_deliveries(self, channel, now, limit):
        found = [each for each in self.all(Delivery) if each.channel == channel and each.is_pending]
        found = [each for each in found if each.next_try_at <= now]
        return sorted(found, key=lambda each: (each.next_try_at, each.seq))[:limit]

    def pending_deliveries(self, channel, hazard_ids):
        found = [each for each in self.all(Delivery) if each.channel == channel and each.is_pending]
        return sorted((each for each in found if each.hazard in hazard_ids), key=lambda each: (each.seq, each.id))

    def deliveries(self, ids, *, free=False):  # noqa: ARG002  # no other transaction runs
        return [each for each in self.all(Delivery) if each.id in ids]

    def photo_senders(self, sha256):
        sent = [each for each in self.all(UploadReceipt) if each.sha256 == sha256]
        told = {(each.by, each.hazard) for each in self.all(PhotoReference) if each.sha256 == sha256}
        return [
            PhotoSender(receipt.username, hazard)
            for receipt in sent
            for hazard in [at for by, at in told if by == receipt.username] or [None]
        ]

    def agenda(self, scope, now, since):
        found = [each for each in self.all(Hazard) if scope.covers(each)]
        late = [each for each in found if is_overdue(each, now)]
        states = [each.state for each in found]
        due = [
            each for each in found if each.state in FIXING_STATES and each.due_at and now <= each.due_at <= now + DAY
        ]
        come = [each for each in found if since <= each.reported_at < now]
        gone = [each for each in found if each.closed_at and since <= each.closed_at < now]
        opened = sum(state in OPEN_STATES for state in states)
        waiting, recheck = states.count(State.REPORTED), states.count(State.PENDING_RECHECK)
        return Agenda(waiting, len(due), len(late), recheck, opened, len(come), len(gone))

    def history(self, hazard_id):
        return sorted((each for each in self.all(HistoryEntry) if each.hazard == hazard_id), key=lambda each: each.seq)


_KEYS = {
    Checklist: ("code", "version"),
    DecisionLink: ("digest",),
    UploadReceipt: ("sha256", "username"),
    PhotoReference: ("entry", "sha256", "stage"),
    HashBand: ("key", "sha256"),
    FixOrigin: ("hazard",),
    Escalation: ("hazard", "deadline_number", "rung"),
    Photo: ("sha256",),
    ExternalIdentity: ("provider", "subject"),
    ExchangedCode: ("provider", "subject"),
    Person: ("username",),
    Feed: ("name",),
    Job: ("name",),
    AttemptCounter: ("key",),
    SecondFactor: ("username",),
    KnownDevice: ("secret",),
    Secret: ("name",),
    Boundary: ("community",),
    AlertSeries: ("device", "metric"),
    ReadingBuffer: ("device", "metric"),
    Signature: ("digest",),
    RejectionCount: ("day", "way", "reason"),
    DeviceFault: ("day", "device", "kind", "metric"),
    Lease: ("number",),
    Rulebook: ("name",),
    Template: ("kind",),
    Layout: ("name",),
    CalendarDay: ("day",),
}


def _key(record):
    names = _KEYS.get(type(record)) or (("id",) if hasattr(record, "id") else ("code",))
    values = tuple(getattr(record, name) for name in names)
    return values if len(values) > 1 else values[0]


def photo(digit, state=PhotoState.RECEIVED):
    return Photo(digit * 64, 1000, "jpeg", 640, 480, state, NOW)


def photo_declaration(digit, stage=Stage.BEFORE):
    return PhotoDeclaration(digit * 64, stage)


def later(**delta):
    return NOW + timedelta(**delta)


def new_id() -> UUID:
    return uuid4()

"""All tables, by record type. Columns are in the order of the record's fields (a test compares them), so that rows
become records by position.
"""

from msgspec import Struct
from sqlalchemy import (
    Table,
)

from inspections.accounts.admin_requests import AdminRequest
from inspections.accounts.api_keys import ApiKey
from inspections.accounts.decision_links import DecisionLink
from inspections.accounts.delegations import Delegation
from inspections.accounts.external_identities import ExchangedCode, ExternalIdentity
from inspections.accounts.known_devices import KnownDevice
from inspections.accounts.people import Person
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.security_log import SecurityEvent
from inspections.accounts.sessions import Session, TokenPair
from inspections.accounts.throttling import AttemptCounter
from inspections.calendar import CalendarDay
from inspections.fix_links.links import FixLink
from inspections.hazards.records import (
    Escalation,
    Hazard,
    HistoryEntry,
)
from inspections.jobs import Job
from inspections.ledger.exports import Export
from inspections.ledger.layout import Layout
from inspections.monitoring.alerts import Alert, AlertSeries, ReadingBuffer
from inspections.monitoring.broker_leases import Lease
from inspections.monitoring.devices import Monitor, Outage, Signature
from inspections.monitoring.faults import DeviceFault
from inspections.monitoring.rejections import RejectionCount
from inspections.notices.outbox import Delivery, InboxEntry, Notice
from inspections.notices.templates import Template
from inspections.office.categories import Category
from inspections.office.rules import Rulebook
from inspections.photos.records import HashBand, Photo, PhotoReference, UploadReceipt
from inspections.photos.signed_urls import Secret
from inspections.photos.uploads import Upload
from inspections.places.communities import Community, Street
from inspections.places.community_import import Boundary
from inspections.remediation.dispatch_rules import DispatchRule
from inspections.remediation.fix_origins import FixOrigin
from inspections.rounds.checklists import Checklist
from inspections.statistics.briefing import Briefing
from inspections.sync.change_feed import Feed, HazardChange
from storage.accounts.tables import (
    admin_requests,
    decision_links,
    delegations,
    exchanged_codes,
    identities,
    keys,
    known_devices,
    people,
    second_factors,
    security_events,
    sessions,
    tallies,
    token_pairs,
)
from storage.engine.schema import Schema
from storage.engine.tables import jobs, metadata
from storage.fix_links.tables import fix_links
from storage.hazards.tables import entries, escalations, hazards, mentions
from storage.ledger.tables import exports, layouts
from storage.monitoring.tables import (
    alerts,
    chains,
    device_faults,
    monitors,
    outages,
    refused,
    rings,
    signatures,
    slots,
)
from storage.notices.tables import deliveries, inbox, notices, templates
from storage.office.tables import calendar_days, categories, rules
from storage.photos.tables import bands, photos, receipts, secrets, uploads
from storage.places.tables import boundaries, communities, streets
from storage.remediation.tables import dispatch_rules, fix_origins
from storage.rounds.tables import checklists
from storage.statistics.tables import briefings
from storage.sync.tables import changes, feeds

TABLE_OF: dict[type[Struct], Table] = {
    Street: streets,
    Community: communities,
    Boundary: boundaries,
    Category: categories,
    CalendarDay: calendar_days,
    Rulebook: rules,
    Person: people,
    Delegation: delegations,
    DispatchRule: dispatch_rules,
    SecondFactor: second_factors,
    ExternalIdentity: identities,
    ExchangedCode: exchanged_codes,
    AdminRequest: admin_requests,
    ApiKey: keys,
    SecurityEvent: security_events,
    Session: sessions,
    KnownDevice: known_devices,
    TokenPair: token_pairs,
    Photo: photos,
    UploadReceipt: receipts,
    HashBand: bands,
    Upload: uploads,
    Hazard: hazards,
    HistoryEntry: entries,
    FixLink: fix_links,
    DecisionLink: decision_links,
    FixOrigin: fix_origins,
    AttemptCounter: tallies,
    PhotoReference: mentions,
    Escalation: escalations,
    Notice: notices,
    InboxEntry: inbox,
    Delivery: deliveries,
    Template: templates,
    Job: jobs,
    Secret: secrets,
    Monitor: monitors,
    Alert: alerts,
    AlertSeries: chains,
    Signature: signatures,
    ReadingBuffer: rings,
    Outage: outages,
    RejectionCount: refused,
    DeviceFault: device_faults,
    Lease: slots,
    Checklist: checklists,
    Briefing: briefings,
    Export: exports,
    Layout: layouts,
    HazardChange: changes,
    Feed: feeds,
}
"""The table of each record type, in the order of insertion: a table comes after those it refers to."""
SCHEMA = Schema(TABLE_OF)
METADATA = metadata
"""The metadata of all tables, complete because this module imports them."""

"""Every question of the domain, joined: what a store has to answer. Nobody but storage imports it."""

from typing import Protocol

from inspections.accounts.repository import AccountRepository
from inspections.fix_links.repository import FixLinkRepository
from inspections.hazards.repository import HazardRepository
from inspections.ledger.repository import LedgerRepository
from inspections.monitoring.repository import MonitoringRepository
from inspections.notices.repository import NoticeRepository
from inspections.office.repository import OfficeRepository
from inspections.photos.repository import PhotoRepository
from inspections.places.repository import PlaceRepository
from inspections.remediation.repository import RemediationRepository
from inspections.sync.repository import SyncRepository


class Repository(
    LedgerRepository,
    MonitoringRepository,
    FixLinkRepository,
    SyncRepository,
    RemediationRepository,
    NoticeRepository,
    HazardRepository,
    PhotoRepository,
    OfficeRepository,
    PlaceRepository,
    AccountRepository,
    Protocol,
):
    """One for all: an action asks for the part that its subject knows."""

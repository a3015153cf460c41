"""The repository Protocols of all subjects, joined. Only storage, which implements it, imports this module."""

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
from inspections.rounds.repository import RoundRepository
from inspections.statistics.repository import StatisticsRepository
from inspections.sync.repository import SyncRepository


class Repository(
    LedgerRepository,
    MonitoringRepository,
    FixLinkRepository,
    StatisticsRepository,
    SyncRepository,
    RoundRepository,
    RemediationRepository,
    NoticeRepository,
    HazardRepository,
    PhotoRepository,
    OfficeRepository,
    PlaceRepository,
    AccountRepository,
    Protocol,
):
    """The Protocol of the whole store; an action depends only on its own subject's Protocol."""

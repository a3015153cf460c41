"""The repositories of all subjects, joined in one class over one connection."""

from collections.abc import Callable
from typing import TypeVar

from inspections.change import Change
from storage.accounts.repository import AccountRepository
from storage.fix_links.repository import FixLinkRepository
from storage.hazards.repository import HazardRepository
from storage.ledger.repository import LedgerRepository
from storage.monitoring.repository import MonitoringRepository
from storage.notices.repository import NoticeRepository
from storage.office.repository import OfficeRepository
from storage.photos.repository import PhotoRepository
from storage.places.repository import PlaceRepository
from storage.remediation.repository import RemediationRepository
from storage.rounds.repository import RoundRepository
from storage.statistics.repository import StatisticsRepository
from storage.sync.repository import SyncRepository

T = TypeVar("T")
Action = Callable[["Repository"], Change[T]]


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
):
    """Implements inspections.repository.Repository."""

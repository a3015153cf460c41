"""The queries that actions of this subject need from a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from inspections.notices.repository import NoticeRepository
from inspections.photos.repository import PhotoRepository
from inspections.remediation.dispatch_rules import DispatchRule
from inspections.remediation.fix_origins import FixOrigin


class RemediationRepository(NoticeRepository, PhotoRepository, Protocol):
    """Queries for dispatch rules and for everything that decides on a step."""

    @property
    def dispatch_rules(self) -> Sequence[DispatchRule]:
        """The active dispatch rules."""
        ...

    def old_fix_origins(self, before: datetime, limit: int) -> list[FixOrigin]:
        """Locks and returns origins of fixes submitted before this time, oldest first."""
        ...

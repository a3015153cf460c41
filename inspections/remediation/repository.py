"""The queries that actions of this subject need from a store."""

from collections.abc import Sequence
from typing import Protocol

from inspections.notices.repository import NoticeRepository
from inspections.photos.repository import PhotoRepository
from inspections.remediation.dispatch_rules import DispatchRule


class RemediationRepository(NoticeRepository, PhotoRepository, Protocol):
    """Queries for dispatch rules and for everything that decides on a step."""

    @property
    def dispatch_rules(self) -> Sequence[DispatchRule]:
        """The active dispatch rules."""
        ...

"""What actions of this subject may ask of a store."""

from collections.abc import Sequence
from typing import Protocol

from inspections.notices.repository import NoticeRepository
from inspections.photos.repository import PhotoRepository
from inspections.remediation.dispatch_rules import DispatchRule


class RemediationRepository(NoticeRepository, PhotoRepository, Protocol):
    """Rules of dispatch, and all that a step is decided on."""

    @property
    def dispatch_rules(self) -> Sequence[DispatchRule]:
        """The active ones."""
        ...

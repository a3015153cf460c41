"""Photos are kept for the period in the rules, and longer while an open hazard needs them."""

from datetime import timedelta

from msgspec.structs import replace

from inspections.hazards.records import State
from inspections.office.rules import OFFICE, Rulebook, Rules
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo
from inspections.photos.actions.retention import purge_photos, retention_cutoff
from inspections.photos.evidence import missing_digests
from inspections.photos.records import Photo, PhotoState
from inspections.remediation.actions.reporting import report_hazard
from tests.builders.office import NOW, Office, photo, wang
from tests.builders.reports import report

OLD = NOW + timedelta(days=400)
A = "a" * 64


def hazard_with_photo(office, **facts):
    """Report a hazard with a processed photo and change it by `facts`."""
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(record_processed_photo, A, PhotoMetadata())
    hazard = office.do(report_hazard, wang, report(), NOW).reported.hazard
    office.keep(replace(office.hazard(hazard.id), **facts))
    return hazard


def purge(office, before=OLD):
    return office.do(purge_photos, [A], before)


def test_photos_are_kept_forever_unless_the_rules_limit_it():
    office = Office()
    assert retention_cutoff(office, NOW) is None
    office.keep(Rulebook(OFFICE, 1, Rules(photos_kept_days=365), None, None))
    assert retention_cutoff(office, NOW) == NOW - timedelta(days=365)


def test_photos_of_long_closed_hazards_are_purged_and_not_missing():
    office = Office()
    hazard = hazard_with_photo(office, state=State.CLOSED)
    assert purge(office, NOW) == 0
    assert purge(office) == 1
    assert purge(office) == 0
    assert office.photo(A).state is PhotoState.LET_GO
    assert missing_digests(office.declared_photos([hazard.id])) == []


def test_open_or_recently_changed_hazards_keep_their_photos():
    office = Office()
    hazard = hazard_with_photo(office)
    assert purge(office) == 0
    office.keep(replace(office.hazard(hazard.id), state=State.CLOSED, updated_at=OLD))
    assert purge(office) == 0


def test_a_purged_photo_that_is_sent_again_is_stored_again():
    office = Office()
    hazard_with_photo(office, state=State.CLOSED)
    purge(office)
    again = office.do(receive_photos, wang, [photo("a")], OLD)
    assert [each.state for each in again.photos] == [PhotoState.DEVELOPED]
    assert [each.state for each in office.all(Photo)] == [PhotoState.DEVELOPED]

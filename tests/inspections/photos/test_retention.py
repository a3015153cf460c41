"""Photos are kept as long as the office says, and as anything needs them."""

from datetime import timedelta

from msgspec.structs import replace

from inspections.hazards.records import State
from inspections.office.rules import OFFICE, Rulebook, Rules
from inspections.photos.actions.intake import Facts, developed, receive_photos
from inspections.photos.actions.retention import kept_since, let_go
from inspections.photos.evidence import missing
from inspections.photos.records import Photo, PhotoState
from inspections.remediation.actions.reporting import report_hazard
from tests.builders.office import NOW, Office, photo, wang
from tests.builders.reports import report

OLD = NOW + timedelta(days=400)
A = "a" * 64


def shown(office, **facts):
    """A hazard with a photo that was developed, as it is later."""
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(developed, A, Facts())
    hazard = office.do(report_hazard, wang, report(), NOW).dossier.hazard
    office.keep(replace(office.hazard(hazard.id), **facts))
    return hazard


def gone(office, before=OLD):
    return office.do(let_go, [A], before)


def test_what_the_rules_do_not_say_is_kept_for_good():
    office = Office()
    assert kept_since(office, NOW) is None
    office.keep(Rulebook(OFFICE, 1, Rules(photos_kept_days=365), None, None))
    assert kept_since(office, NOW) == NOW - timedelta(days=365)


def test_the_photos_of_what_ended_long_ago_are_let_go_and_are_not_missing():
    office = Office()
    hazard = shown(office, state=State.CLOSED)
    assert gone(office, NOW) == 0
    assert gone(office) == 1
    assert gone(office) == 0
    assert office.photo(A).state is PhotoState.LET_GO
    assert missing(office.shown([hazard.id])) == []


def test_what_is_open_or_was_touched_since_keeps_its_photos():
    office = Office()
    hazard = shown(office)
    assert gone(office) == 0
    office.keep(replace(office.hazard(hazard.id), state=State.CLOSED, updated_at=OLD))
    assert gone(office) == 0


def test_a_photo_that_was_let_go_and_comes_again_is_there_again():
    office = Office()
    shown(office, state=State.CLOSED)
    gone(office)
    again = office.do(receive_photos, wang, [photo("a")], OLD)
    assert [each.state for each in again.photos] == [PhotoState.DEVELOPED]
    assert [each.state for each in office.all(Photo)] == [PhotoState.DEVELOPED]

import pytest

from inspections.errors import Damaged, DigestMismatch
from inspections.photos.actions.intake import Facts, developed, receive_photos, release
from inspections.photos.records import PhotoState
from inspections.remediation.actions.photo_damage import CLAIM, TRIES, claim_undeveloped, damaged
from tests.builders.office import NOW, Office, li, photo, wang


def test_a_photo_is_known_to_whom_has_sent_it():
    office = Office()
    assert not office.do(receive_photos, wang, [photo("a")], NOW).known
    assert office.do(receive_photos, wang, [photo("a")], NOW).known
    assert not office.do(receive_photos, li, [photo("a")], NOW).known
    assert not office.do(receive_photos, li, [photo("a"), photo("b")], NOW).known


def test_the_same_photo_twice_in_one_request_is_one_photo():
    office = Office()
    result = office.do(receive_photos, wang, [photo("a"), photo("a")], NOW)
    assert [each.sha256 for each in result.photos] == ["a" * 64] * 2
    assert len(office.all(type(photo("a")))) == 1


def test_a_developed_photo_carries_what_its_metadata_says():
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(developed, "a" * 64, Facts(taken_at=NOW, camera="Phone"))
    office.do(developed, "a" * 64, Facts())  # once
    kept = office.photo("a" * 64)
    assert (kept.state, kept.taken_at, kept.camera) == (PhotoState.DEVELOPED, NOW, "Phone")


def test_a_photo_is_claimed_by_one_developer_until_they_are_taken_for_gone():
    office = Office()
    office.do(receive_photos, wang, [photo("a"), photo("b")], NOW)
    assert [each.sha256[0] for each in office.do(claim_undeveloped, NOW, 1)] == ["a"]
    assert [each.sha256[0] for each in office.do(claim_undeveloped, NOW, 9)] == ["b"]
    assert office.do(claim_undeveloped, NOW + CLAIM, 9) == ()
    assert len(office.do(claim_undeveloped, NOW + CLAIM * 2, 9)) == 1
    office.do(developed, "a" * 64, Facts())
    assert (office.photo("a" * 64).claimed_until, office.photo("b" * 64).claimed_until) == (None, NOW + CLAIM)


def test_a_photo_that_kills_its_developer_is_tried_alone_and_given_up():
    office = Office()
    office.do(receive_photos, wang, [photo("a"), photo("b"), photo("c")], NOW)
    office.do(claim_undeveloped, NOW, 2)  # and the process is killed
    at = NOW + CLAIM * 2
    assert [each.sha256[0] for each in office.do(claim_undeveloped, at, 9)] == ["c"]
    assert [each.sha256[0] for each in office.do(claim_undeveloped, at, 9)] == ["a"]
    assert [each.sha256[0] for each in office.do(claim_undeveloped, at, 9)] == ["b"]
    for digit in "bc":
        office.do(developed, digit * 64, Facts())
    for more in range(2, TRIES):
        assert len(office.do(claim_undeveloped, at + CLAIM * more * 2, 9)) == 1
    assert office.do(claim_undeveloped, at + CLAIM * TRIES * 2, 9) == ()
    assert office.photo("a" * 64).state is PhotoState.DAMAGED


def test_a_store_that_is_away_is_not_the_photo_s_fault():
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(claim_undeveloped, NOW, 9)
    office.do(release, "a" * 64)
    assert (office.photo("a" * 64).tries, office.photo("a" * 64).claimed_until) == (0, NOW + CLAIM)
    office.do(release, "0" * 64)
    office.do(developed, "a" * 64, Facts())
    office.do(release, "a" * 64)
    assert office.photo("a" * 64).state is PhotoState.DEVELOPED


def test_damaged_bytes_do_not_become_good_by_being_sent_again():
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(damaged, "a" * 64, NOW)
    with pytest.raises(Damaged):
        office.do(receive_photos, wang, [photo("a")], NOW)


def test_a_mismatch_says_what_was_promised_and_what_came():
    assert DigestMismatch("a", "b").facts == {"promised": "a", "received": "b"}

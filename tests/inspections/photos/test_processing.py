import pytest

from inspections.errors import DamagedPhoto, DigestMismatch
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo, revert_try
from inspections.photos.records import PhotoState
from inspections.remediation.actions.photo_damage import CLAIM, TRIES, claim_unprocessed_photos, record_damage
from tests.builders.office import NOW, Office, li, photo, wang


def test_a_photo_is_known_to_its_sender():
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


def test_a_processed_photo_keeps_its_metadata():
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(record_processed_photo, "a" * 64, PhotoMetadata(taken_at=NOW, camera="Phone"))
    office.do(record_processed_photo, "a" * 64, PhotoMetadata())  # once
    kept = office.photo("a" * 64)
    assert (kept.state, kept.taken_at, kept.camera) == (PhotoState.DEVELOPED, NOW, "Phone")


def test_a_photo_is_claimed_by_one_processor_until_the_claim_expires():
    office = Office()
    office.do(receive_photos, wang, [photo("a"), photo("b")], NOW)
    assert [each.sha256[0] for each in office.do(claim_unprocessed_photos, NOW, 1)] == ["a"]
    assert [each.sha256[0] for each in office.do(claim_unprocessed_photos, NOW, 9)] == ["b"]
    assert office.do(claim_unprocessed_photos, NOW + CLAIM, 9) == ()
    assert len(office.do(claim_unprocessed_photos, NOW + CLAIM * 2, 9)) == 1
    office.do(record_processed_photo, "a" * 64, PhotoMetadata())
    assert (office.photo("a" * 64).claimed_until, office.photo("b" * 64).claimed_until) == (None, NOW + CLAIM)


def test_a_photo_that_crashes_its_processor_is_tried_alone_and_given_up():
    office = Office()
    office.do(receive_photos, wang, [photo("a"), photo("b"), photo("c")], NOW)
    office.do(claim_unprocessed_photos, NOW, 2)  # and the process is killed
    at = NOW + CLAIM * 2
    assert [each.sha256[0] for each in office.do(claim_unprocessed_photos, at, 9)] == ["c"]
    assert [each.sha256[0] for each in office.do(claim_unprocessed_photos, at, 9)] == ["a"]
    assert [each.sha256[0] for each in office.do(claim_unprocessed_photos, at, 9)] == ["b"]
    for digit in "bc":
        office.do(record_processed_photo, digit * 64, PhotoMetadata())
    for more in range(2, TRIES):
        assert len(office.do(claim_unprocessed_photos, at + CLAIM * more * 2, 9)) == 1
    assert office.do(claim_unprocessed_photos, at + CLAIM * TRIES * 2, 9) == ()
    assert office.photo("a" * 64).state is PhotoState.DAMAGED


def test_an_unavailable_store_does_not_count_as_a_try():
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(claim_unprocessed_photos, NOW, 9)
    office.do(revert_try, "a" * 64)
    assert (office.photo("a" * 64).tries, office.photo("a" * 64).claimed_until) == (0, NOW + CLAIM)
    office.do(revert_try, "0" * 64)
    office.do(record_processed_photo, "a" * 64, PhotoMetadata())
    office.do(revert_try, "a" * 64)
    assert office.photo("a" * 64).state is PhotoState.DEVELOPED


def test_damaged_bytes_are_refused_when_sent_again():
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(record_damage, "a" * 64, NOW)
    with pytest.raises(DamagedPhoto):
        office.do(receive_photos, wang, [photo("a")], NOW)


def test_a_mismatch_names_the_promised_and_the_received_digest():
    assert DigestMismatch("a", "b").facts == {"promised": "a", "received": "b"}

"""Uploads that are gone on with: offsets by compare-and-set, and who may."""

import uuid
from datetime import timedelta

import pytest

from inspections.errors import Missing, TooMany, WrongOffset
from inspections.photos.actions.uploads import (
    add_piece,
    begin_upload,
    complete_upload,
    end_expired_uploads,
    end_upload,
    fail_upload,
)
from inspections.photos.records import Photo, PhotoState
from inspections.photos.uploads import OPEN_AT_ONCE, OPEN_FOR
from tests.builders.office import NOW, Office, wang, zhou

PHOTO = Photo("a" * 64, 30, "jpeg", 4, 3, PhotoState.RECEIVED, NOW)


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def upload(office):
    return office.do(begin_upload, wang, 30, None, "", NOW)


def test_pieces_follow_each_other_until_the_photo_is_there(office, upload):
    first = office.do(add_piece, wang, upload, "one", 10, NOW)
    second = office.do(add_piece, wang, first, "two", 10, NOW)
    assert (second.offset, second.pieces) == (20, ("one", "two"))
    done = office.do(complete_upload, wang, second, PHOTO, NOW)
    assert (done.offset, done.pieces, done.photo) == (30, (), PHOTO.sha256)
    assert office.photo(PHOTO.sha256) == PHOTO
    assert office.receipt(PHOTO.sha256, "wang")


def test_of_two_that_add_to_the_same_offset_one_hears_how_far_it_is(office, upload):
    office.do(add_piece, wang, upload, "one", 10, NOW)
    with pytest.raises(WrongOffset) as refused:
        add_piece(office, wang, upload, "another", 12, NOW)
    assert refused.value.facts == {"sent": 0, "current": 10}
    with pytest.raises(WrongOffset):
        complete_upload(office, wang, upload, PHOTO, NOW)


def test_only_who_has_all_of_it_can_say_that_it_is_no_photo(office, upload):
    first = office.do(add_piece, wang, upload, "one", 10, NOW)
    with pytest.raises(WrongOffset):
        fail_upload(office, wang, upload, NOW)
    assert office.do(fail_upload, wang, first, NOW) == first
    assert office.upload(upload.id) is None


def test_an_upload_is_its_sender_s_alone(office, upload):
    for act in (
        lambda: add_piece(office, zhou, upload, "one", 10, NOW),
        lambda: complete_upload(office, zhou, upload, PHOTO, NOW),
        lambda: end_upload(office, zhou, upload.id, NOW),
        lambda: end_upload(office, wang, uuid.uuid4(), NOW),
    ):
        with pytest.raises(Missing):
            act()


def test_an_upload_is_gone_when_it_is_given_up_or_its_time_is_over(office, upload):
    other = office.do(begin_upload, wang, 30, None, "", NOW + timedelta(hours=1))
    with pytest.raises(Missing):
        add_piece(office, wang, upload, "one", 10, NOW + OPEN_FOR)
    assert list(office.do(end_expired_uploads, NOW + OPEN_FOR, 10)) == [upload]
    assert office.do(end_upload, wang, other.id, NOW) == other
    assert office.upload(other.id) is None


def test_nobody_begins_without_end(office):
    for _ in range(OPEN_AT_ONCE):
        office.do(begin_upload, wang, 30, None, "", NOW)
    with pytest.raises(TooMany):
        begin_upload(office, wang, 30, None, "", NOW)
    assert begin_upload(office, wang, 30, None, "", NOW + OPEN_FOR)

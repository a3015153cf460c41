"""Resumable uploads: pieces are added by compare-and-set on the offset, by the sender only."""

import uuid
from datetime import timedelta

import pytest

from inspections.errors import NotFound, WrongOffset
from inspections.photos.actions.uploads import (
    add_piece,
    begin_upload,
    cancel_upload,
    complete_upload,
    delete_expired_uploads,
    discard_upload,
)
from inspections.photos.records import Photo, PhotoState
from inspections.photos.uploads import MAX_OPEN_UPLOADS, UPLOAD_LIFETIME, Upload
from tests.builders.office import NOW, Office, wang, zhou

PHOTO = Photo("a" * 64, 30, "jpeg", 4, 3, PhotoState.RECEIVED, NOW)


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def upload(office):
    return office.do(begin_upload, wang, 30, None, "", NOW).upload


def test_pieces_are_added_until_the_photo_is_complete(office, upload):
    first = office.do(add_piece, wang, upload, "one", 10, NOW)
    second = office.do(add_piece, wang, first, "two", 10, NOW)
    assert (second.offset, second.pieces) == (20, ("one", "two"))
    done = office.do(complete_upload, wang, second, PHOTO, NOW)
    assert (done.offset, done.pieces, done.photo) == (30, (), PHOTO.sha256)
    assert office.photo(PHOTO.sha256) == PHOTO
    assert office.receipt(PHOTO.sha256, "wang")


def test_the_second_piece_at_one_offset_is_refused_with_the_current_offset(office, upload):
    office.do(add_piece, wang, upload, "one", 10, NOW)
    with pytest.raises(WrongOffset) as refused:
        add_piece(office, wang, upload, "another", 12, NOW)
    assert refused.value.facts == {"sent": 0, "current": 10}
    with pytest.raises(WrongOffset):
        complete_upload(office, wang, upload, PHOTO, NOW)


def test_only_a_request_at_the_current_offset_discards_an_upload(office, upload):
    first = office.do(add_piece, wang, upload, "one", 10, NOW)
    with pytest.raises(WrongOffset):
        discard_upload(office, wang, upload, NOW)
    assert office.do(discard_upload, wang, first, NOW) == first
    assert office.upload(upload.id) is None


def test_an_upload_is_accessible_to_its_sender_only(office, upload):
    for act in (
        lambda: add_piece(office, zhou, upload, "one", 10, NOW),
        lambda: complete_upload(office, zhou, upload, PHOTO, NOW),
        lambda: cancel_upload(office, zhou, upload.id, NOW),
        lambda: cancel_upload(office, wang, uuid.uuid4(), NOW),
    ):
        with pytest.raises(NotFound):
            act()


def test_an_upload_ends_when_it_is_cancelled_or_expires(office, upload):
    other = office.do(begin_upload, wang, 30, None, "", NOW + timedelta(hours=1)).upload
    with pytest.raises(NotFound):
        add_piece(office, wang, upload, "one", 10, NOW + UPLOAD_LIFETIME)
    assert list(office.do(delete_expired_uploads, NOW + UPLOAD_LIFETIME, 10)) == [upload]
    assert office.do(cancel_upload, wang, other.id, NOW) == other
    assert office.upload(other.id) is None


def test_one_person_has_a_limited_number_of_open_uploads(office):
    first, second, *_ = [
        office.do(begin_upload, wang, 30, None, "", NOW + timedelta(seconds=at)).upload
        for at in range(MAX_OPEN_UPLOADS)
    ]
    other = office.do(begin_upload, zhou, 30, None, "", NOW).upload
    new, replaced = office.do(begin_upload, wang, 30, None, "", NOW + timedelta(hours=1))
    assert replaced == (first,)
    assert office.upload(first.id) is None
    assert {second.id, new.id, other.id} <= {each.id for each in office.all(Upload)}
    assert len(office.open_uploads("wang", NOW + timedelta(hours=1))) == MAX_OPEN_UPLOADS


def test_the_unfinished_upload_of_the_same_photo_is_given_back(office):
    digest = "a" * 64
    first = office.do(begin_upload, wang, 30, digest, "", NOW).upload
    longer = office.do(add_piece, wang, first, "one", 10, NOW)
    assert office.do(begin_upload, wang, 30, digest, "other words", NOW) == (longer, ())
    for who, length, promised in ((zhou, 30, digest), (wang, 31, digest), (wang, 30, "b" * 64), (wang, 30, None)):
        assert office.do(begin_upload, who, length, promised, "", NOW).upload.id != first.id
    assert office.do(begin_upload, wang, 30, None, "", NOW).upload.offset == 0
    assert office.do(begin_upload, wang, 30, digest, "", NOW + UPLOAD_LIFETIME).upload.id != first.id

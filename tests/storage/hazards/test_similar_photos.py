"""An index finds every similar picture, on every database."""

import random

import pytest
from sqlalchemy import select

from inspections.change import Change
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo
from inspections.photos.perceptual_hash import MAX_DISTANCE, band_keys, distance
from inspections.photos.records import Flag, HashBand, Photo, PhotoDeclaration, PhotoReference, PhotoState, Stage
from inspections.remediation.actions.photo_findings import examine_photos
from inspections.remediation.actions.reporting import report_hazard
from storage.hazards.tables import mentions
from tests.builders.office import NOW, li, qian, wang
from tests.builders.reports import report


def create_hazard(desk, *digests, by=wang):
    photos = tuple(PhotoDeclaration(digest, Stage.BEFORE) for digest in digests)
    return desk.do(report_hazard, by, report(photos=photos), NOW).reported.hazard


def upload_photo(desk, digest, by=wang, picture=None, **facts):
    photo = Photo(digest, 9, "jpeg", 4, 3, PhotoState.RECEIVED, NOW)
    desk.do(receive_photos, by, [photo], NOW)
    desk.do(record_processed_photo, digest, PhotoMetadata(**facts), picture)


def examine_new_photos(desk):
    """Examines as the photo processor does; returns the new flags by digit and hazard."""
    before = stored_flags(desk)
    desk.do(examine_photos, NOW, 99)
    return {key: flags for key, (examined, flags) in stored_flags(desk).items() if examined and not before[key][0]}


def stored_flags(desk):
    rows = desk.database.read_sync(lambda repository: repository.select(PhotoReference, select(mentions)))
    return {(each.sha256[0], each.hazard): (each.examined, each.flags) for each in rows}


@pytest.mark.parametrize("picture", [0, 1, 2**63, 2**64 - 1, 0x8000_0000_0000_0001, 0x0123_4567_89AB_CDEF])
def test_a_stored_hash_is_read_back_unchanged(desk, picture):
    upload_photo(desk, "a" * 64, picture=picture, utc_offset=480, orientation=6, oddities=("clock",), camera="HTC")
    kept = desk.database.read_sync(lambda repository: repository.photo("a" * 64))
    assert (kept.hash, kept.utc_offset, kept.orientation, kept.oddities) == (picture, 480, 6, ("clock",))
    assert desk.database.read_sync(lambda repository: repository.find_similar_photos(picture)) == {"a" * 64: 0}


def test_the_index_finds_exactly_the_similar_photos(desk):
    """Compares the index with a search through all photos."""
    chance = random.Random(20261123)  # noqa: S311  # a fixed sample
    searched = chance.getrandbits(64)
    pictures = {f"{number:064x}": chance.getrandbits(64) for number in range(300)}
    for number in range(300, 400):
        flips = chance.sample(range(64), number % 9)
        pictures[f"{number:064x}"] = searched ^ sum(1 << bit for bit in flips)
    photos = tuple(Photo(digest, 9, "jpeg", 4, 3, PhotoState.DEVELOPED, NOW) for digest in pictures)
    bands = tuple(HashBand(key, digest, picture) for digest, picture in pictures.items() for key in band_keys(picture))
    desk.do(lambda _: Change(None, (*photos, *bands)))
    expected = {
        digest: bits for digest, picture in pictures.items() if (bits := distance(searched, picture)) <= MAX_DISTANCE
    }
    assert len(expected) > 60
    assert desk.database.read_sync(lambda repository: repository.find_similar_photos(searched)) == expected


def test_reused_and_similar_photos_are_flagged_once(desk):
    first = create_hazard(desk, "a" * 64)
    second = create_hazard(desk, "a" * 64, "b" * 64)
    assert examine_new_photos(desk) == {}
    upload_photo(desk, "a" * 64, picture=0xFF00FF00FF00FF00)
    assert examine_new_photos(desk)["a", second.id] == (Flag("reused", first.id, 0),)
    upload_photo(desk, "b" * 64, picture=0xFF00FF00FF00FF07)
    assert examine_new_photos(desk) == {("b", second.id): (Flag("similar", first.id, 3),)}
    assert examine_new_photos(desk) == {}
    shown = desk.database.read_sync(lambda repository: repository.declared_photos([second.id]))
    assert {each.mention.sha256[0]: each.mention.flags[0].kind for each in shown} == {"a": "reused", "b": "similar"}


def test_a_report_that_only_names_a_foreign_photo_causes_no_flag(desk):
    upload_photo(desk, "a" * 64, by=li)
    create_hazard(desk, "a" * 64, by=wang)
    assert examine_new_photos(desk) == {}
    own = create_hazard(desk, "a" * 64, by=li)
    assert examine_new_photos(desk) == {("a", own.id): ()}


def test_a_flag_names_the_other_hazard_only_to_people_who_may_see_it(desk):
    upload_photo(desk, "a" * 64)
    first, second = create_hazard(desk, "a" * 64), create_hazard(desk, "a" * 64)
    examine_new_photos(desk)

    def references(repository, person):
        return repository.referenced_hazards(person, repository.declared_photos([second.id]))

    assert desk.database.read_sync(lambda repository: references(repository, li))[first.id].number == first.number
    assert desk.database.read_sync(lambda repository: references(repository, qian)) == {}

"""Near-same pictures are found by an index, on every database, and nothing of the crowd is lost."""

import random

import pytest
from sqlalchemy import select

from inspections.change import Change
from inspections.photos.actions.intake import Facts, developed, receive_photos
from inspections.photos.perceptual_hash import NEAR, distance, keys
from inspections.photos.records import Band, Flag, Mention, Photo, PhotoMention, PhotoState, Stage
from inspections.remediation.actions.photo_findings import examine
from inspections.remediation.actions.reporting import report_hazard
from storage.hazards.tables import mentions
from tests.builders.office import NOW, li, qian, wang
from tests.builders.reports import report


def reported(desk, *digests, by=wang):
    photos = tuple(PhotoMention(digest, Stage.BEFORE) for digest in digests)
    return desk.do(report_hazard, by, report(photos=photos), NOW).dossier.hazard


def sent(desk, digest, by=wang, picture=None, **facts):
    photo = Photo(digest, 9, "jpeg", 4, 3, PhotoState.RECEIVED, NOW)
    desk.do(receive_photos, by, [photo], NOW)
    desk.do(developed, digest, Facts(**facts), picture)


def examined(desk):
    """Examines as the developer does; answers the flags by digit and hazard."""
    before = kept(desk)
    desk.do(examine, NOW, 99)
    return {key: flags for key, (examined, flags) in kept(desk).items() if examined and not before[key][0]}


def kept(desk):
    rows = desk.database.ask(lambda repository: repository.select(Mention, select(mentions)))
    return {(each.sha256[0], each.hazard): (each.examined, each.flags) for each in rows}


@pytest.mark.parametrize("picture", [0, 1, 2**63, 2**64 - 1, 0x8000_0000_0000_0001, 0x0123_4567_89AB_CDEF])
def test_a_hash_comes_back_as_it_went(desk, picture):
    sent(desk, "a" * 64, picture=picture, utc_offset=480, orientation=6, oddities=("clock",), camera="HTC")
    kept = desk.database.ask(lambda repository: repository.photo("a" * 64))
    assert (kept.hash, kept.utc_offset, kept.orientation, kept.oddities) == (picture, 480, 6, ("clock",))
    assert desk.database.ask(lambda repository: repository.neighbours(picture)) == {"a" * 64: 0}


def test_every_neighbour_is_found_and_nobody_else(desk):
    """Beside a search that looks at all of them."""
    chance = random.Random(20261123)  # noqa: S311  # a fixed crowd
    searched = chance.getrandbits(64)
    pictures = {f"{number:064x}": chance.getrandbits(64) for number in range(300)}
    for number in range(300, 400):
        flips = chance.sample(range(64), number % 9)
        pictures[f"{number:064x}"] = searched ^ sum(1 << bit for bit in flips)
    photos = tuple(Photo(digest, 9, "jpeg", 4, 3, PhotoState.DEVELOPED, NOW) for digest in pictures)
    bands = tuple(Band(key, digest, picture) for digest, picture in pictures.items() for key in keys(picture))
    desk.do(lambda _: Change(None, (*photos, *bands)))
    expected = {digest: bits for digest, picture in pictures.items() if (bits := distance(searched, picture)) <= NEAR}
    assert len(expected) > 60
    assert desk.database.ask(lambda repository: repository.neighbours(searched)) == expected


def test_reuse_and_likeness_are_flagged_once_and_stay(desk):
    first = reported(desk, "a" * 64)
    second = reported(desk, "a" * 64, "b" * 64)
    assert examined(desk) == {}
    sent(desk, "a" * 64, picture=0xFF00FF00FF00FF00)
    assert examined(desk)["a", second.id] == (Flag("reused", first.id, 0),)
    sent(desk, "b" * 64, picture=0xFF00FF00FF00FF07)
    assert examined(desk) == {("b", second.id): (Flag("similar", first.id, 3),)}
    assert examined(desk) == {}
    shown = desk.database.ask(lambda repository: repository.shown([second.id]))
    assert {each.mention.sha256[0]: each.mention.flags[0].kind for each in shown} == {"a": "reused", "b": "similar"}


def test_who_only_names_a_photo_neither_learns_of_it_nor_casts_a_shadow_on_it(desk):
    sent(desk, "a" * 64, by=li)
    reported(desk, "a" * 64, by=wang)
    assert examined(desk) == {}
    own = reported(desk, "a" * 64, by=li)
    assert examined(desk) == {("a", own.id): ()}


def test_what_a_flag_points_to_is_named_to_who_may_see_it(desk):
    sent(desk, "a" * 64)
    first, second = reported(desk, "a" * 64), reported(desk, "a" * 64)
    examined(desk)

    def named(repository, person):
        return repository.pointed_to(person, repository.shown([second.id]))

    assert desk.database.ask(lambda repository: named(repository, li))[first.id].number == first.number
    assert desk.database.ask(lambda repository: named(repository, qian)) == {}

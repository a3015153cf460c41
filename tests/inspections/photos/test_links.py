"""Signed addresses: one variant, five minutes, nothing else."""

import uuid
from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.photos.actions.signed_urls import keep_secret
from inspections.photos.signed_urls import Secret, Variant, holds, signature
from tests.builders.office import NOW, Office

KEY = Secret("photo links", "ab" * 32)
PHOTO = Variant("a" * 64, "320")
EXPIRES = int((NOW + timedelta(minutes=5)).timestamp())


def test_a_link_holds_until_it_expires():
    signed = signature(KEY, PHOTO, EXPIRES)
    assert holds(KEY, PHOTO, EXPIRES, signed, NOW)
    assert not holds(KEY, PHOTO, EXPIRES, signed, NOW + timedelta(minutes=5))


@pytest.mark.parametrize(
    "other",
    [
        replace(PHOTO, size="original"),
        replace(PHOTO, sha256="b" * 64),
        replace(PHOTO, watermark=uuid.UUID(int=1)),
    ],
)
def test_a_link_is_for_one_variant_alone(other):
    assert not holds(KEY, other, EXPIRES, signature(KEY, PHOTO, EXPIRES), NOW)


def test_a_link_cannot_be_made_longer_or_without_the_key():
    assert not holds(KEY, PHOTO, EXPIRES + 1, signature(KEY, PHOTO, EXPIRES), NOW)
    assert not holds(KEY, PHOTO, EXPIRES, signature(replace(KEY, value="cd" * 32), PHOTO, EXPIRES), NOW)
    for nonsense in ("", "é", "照片", "\ud800"):
        assert not holds(KEY, PHOTO, EXPIRES, nonsense, NOW)


def test_all_processes_share_the_first_secret():
    office = Office()
    assert office.do(keep_secret, KEY) == KEY
    assert office.do(keep_secret, replace(KEY, value="cd" * 32)) == KEY

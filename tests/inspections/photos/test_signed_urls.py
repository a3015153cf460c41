"""Signed URLs: a signature is valid for one photo variant and for five minutes."""

import uuid
from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.photos.actions.signed_urls import get_or_create_secret
from inspections.photos.signed_urls import Secret, Variant, is_valid_signature, signature
from tests.builders.office import NOW, Office

KEY = Secret("photo links", "ab" * 32)
PHOTO = Variant("a" * 64, "320")
EXPIRES = int((NOW + timedelta(minutes=5)).timestamp())


def test_a_signed_url_is_valid_until_it_expires():
    signed = signature(KEY, PHOTO, EXPIRES)
    assert is_valid_signature(KEY, PHOTO, EXPIRES, signed, NOW)
    assert not is_valid_signature(KEY, PHOTO, EXPIRES, signed, NOW + timedelta(minutes=5))


@pytest.mark.parametrize(
    "other",
    [
        replace(PHOTO, size="original"),
        replace(PHOTO, sha256="b" * 64),
        replace(PHOTO, watermark=uuid.UUID(int=1)),
    ],
)
def test_a_signed_url_is_valid_for_one_variant_only(other):
    assert not is_valid_signature(KEY, other, EXPIRES, signature(KEY, PHOTO, EXPIRES), NOW)


def test_a_signed_url_cannot_be_extended_or_forged():
    assert not is_valid_signature(KEY, PHOTO, EXPIRES + 1, signature(KEY, PHOTO, EXPIRES), NOW)
    assert not is_valid_signature(KEY, PHOTO, EXPIRES, signature(replace(KEY, value="cd" * 32), PHOTO, EXPIRES), NOW)
    for nonsense in ("", "é", "照片", "\ud800"):
        assert not is_valid_signature(KEY, PHOTO, EXPIRES, nonsense, NOW)


def test_all_processes_share_the_first_secret():
    office = Office()
    assert office.do(get_or_create_secret, KEY) == KEY
    assert office.do(get_or_create_secret, replace(KEY, value="cd" * 32)) == KEY

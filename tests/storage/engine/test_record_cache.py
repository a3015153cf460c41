"""Records that the writing process keeps in memory are always those that are stored."""

import pytest

from inspections.change import Change
from inspections.errors import Unavailable
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo
from inspections.photos.records import PhotoState
from storage.engine.rows import RecordCache
from storage.schema import SCHEMA
from tests.builders.failures import failing_commits
from tests.builders.office import NOW, photo, wang


def state_in_transaction(desk, sha256):
    return desk.do(lambda repository: Change(found and found.state if (found := repository.photo(sha256)) else None))


def test_a_changed_record_is_read_again(desk):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    assert state_in_transaction(desk, "a" * 64) is PhotoState.RECEIVED
    desk.do(record_processed_photo, "a" * 64, PhotoMetadata())
    assert state_in_transaction(desk, "a" * 64) is PhotoState.DEVELOPED


def test_a_change_that_was_not_committed_is_not_kept(desk, monkeypatch):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    assert state_in_transaction(desk, "a" * 64) is PhotoState.RECEIVED
    with failing_commits(monkeypatch), pytest.raises(Unavailable):
        desk.do(record_processed_photo, "a" * 64, PhotoMetadata())
    assert state_in_transaction(desk, "a" * 64) is PhotoState.RECEIVED


def test_a_removed_record_is_gone(desk):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    receipt = desk.do(lambda repository: Change(repository.receipt("a" * 64, wang.username)))
    assert receipt is not None
    desk.do(lambda _: Change(None, removed=(receipt,)))
    assert desk.do(lambda repository: Change(repository.receipt("a" * 64, wang.username))) is None


def test_the_cache_is_bounded():
    cache, reads = RecordCache(SCHEMA), []

    def read(_, key):
        reads.append(key)
        return photo(key[0][0])

    kind = type(photo("a"))
    for number in range(RecordCache.LIMIT + 1):
        cache.get(kind, (f"{number:064x}",), read)
    assert len(cache._records) == 1
    cache.get(kind, (f"{RecordCache.LIMIT:064x}",), read)
    assert len(reads) == RecordCache.LIMIT + 1

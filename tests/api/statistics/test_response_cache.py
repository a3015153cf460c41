"""The response cache keeps the newest responses within its size limit."""

from api.statistics import response_cache
from api.statistics.response_cache import CachedResponse, ResponseCache


def build_response(size):
    return CachedResponse(bytes(size), "application/json", {})


def test_the_oldest_responses_are_dropped_and_oversized_ones_are_not_kept(monkeypatch):
    monkeypatch.setattr(response_cache, "_MOST_BYTES", 100)
    kept = ResponseCache()
    for tag in "abc":
        kept.add(tag, build_response(40))
    assert [bool(kept.get(tag)) for tag in "abc"] == [False, True, True]
    kept.add("huge", build_response(101))
    assert kept.get("huge") is None
    kept.add("c", build_response(40))  # added twice at once
    kept.add("d", build_response(60))
    assert [bool(kept.get(tag)) for tag in "bcd"] == [False, True, True]

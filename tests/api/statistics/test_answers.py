"""Answers are kept within bounds, the newest of them."""

from api.statistics import response_cache as answers
from api.statistics.response_cache import Answers, Said


def said(size):
    return Said(bytes(size), "application/json", {})


def test_the_oldest_make_room_and_what_is_too_large_is_not_kept(monkeypatch):
    monkeypatch.setattr(answers, "_MOST_BYTES", 100)
    kept = Answers()
    for tag in "abc":
        kept.keep(tag, said(40))
    assert [bool(kept.get(tag)) for tag in "abc"] == [False, True, True]
    kept.keep("huge", said(101))
    assert kept.get("huge") is None
    kept.keep("c", said(40))  # said twice at once
    kept.keep("d", said(60))
    assert [bool(kept.get(tag)) for tag in "bcd"] == [False, True, True]

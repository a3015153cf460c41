"""Reads take turns while they are short, and a long read delays no other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.engine import sqlite
from storage.engine.sqlite import ReadingTurn
from tests.builders.waiting import poll_until


def test_short_reads_run_one_after_another(monkeypatch):
    monkeypatch.setattr(sqlite, "SHORT_SECONDS", 60.0)  # on a busy machine a read of nothing may take long
    turn, running, most = ReadingTurn(), 0, 0

    def read(_):
        nonlocal running, most
        with turn.take():
            running += 1
            most = max(most, running)
            running -= 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(read, range(400)))
    assert (running, most) == (0, 1)


def test_a_long_read_passes_its_turn_on():
    turn, short_is_done = ReadingTurn(), threading.Event()

    def read_briefly():
        with turn.take():
            short_is_done.set()

    with turn.take():
        other = threading.Thread(target=read_briefly)
        other.start()
        assert short_is_done.wait(60)
        other.join()
    with turn.take():
        pass


def test_a_read_that_waits_comes_before_one_that_asks_later(monkeypatch):
    monkeypatch.setattr(sqlite, "SHORT_SECONDS", 60.0)
    turn, order = ReadingTurn(), []

    def read_later():
        with turn.take():
            order.append("waited")

    waiting = threading.Thread(target=read_later)
    with turn.take():
        waiting.start()
        poll_until(lambda: turn.queue_length)
    with turn.take():
        order.append("asked later")
    waiting.join()
    assert order == ["waited", "asked later"]


def test_a_failed_read_gives_its_turn_back(monkeypatch):
    monkeypatch.setattr(sqlite, "SHORT_SECONDS", 60.0)
    turn = ReadingTurn()
    with pytest.raises(LookupError), turn.take():
        raise LookupError

    def read_briefly():
        with turn.take():
            return "read"

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(read_briefly).result(timeout=30) == "read"

"""Waits for a condition, not for a fixed time."""

import asyncio
import socket
import time

import pytest

PATIENCE = 400
"""The seconds after which a wait fails. Photos are processed at the lowest priority, which gets a hundredth of a
machine that other programs keep busy."""
_PAUSE = 0.02


def _failure_message():
    return "the condition did not come true"


def _poll(condition, describe):
    """Yields each result of the condition, and fails the test after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while True:
        yield condition()
        if time.monotonic() > end:
            pytest.fail(str(describe()))


def poll_until(condition, describe=_failure_message):
    """Waits for a truthy result of the condition and returns it. `describe` returns the message of a failure."""
    polls = _poll(condition, describe)
    while not (result := next(polls)):
        time.sleep(_PAUSE)
    return result


async def poll_in_loop(condition, describe=_failure_message):
    """Does the same as `poll_until` without blocking the event loop."""
    polls = _poll(condition, describe)
    while not (result := next(polls)):  # noqa: ASYNC110  # the condition has no event
        await asyncio.sleep(_PAUSE)
    return result


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

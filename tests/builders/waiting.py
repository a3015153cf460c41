"""Waits for a condition, not for a fixed time."""

import asyncio
import socket
import time

import pytest

PATIENCE = 400
"""The seconds after which a wait fails. Photos are processed at the lowest priority, which gets a hundredth of a
machine that other programs keep busy."""


def poll_until(condition, describe=lambda: "the condition did not come true"):
    """Waits for a truthy result of the condition and returns it. `describe` returns the message of a failure."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            pytest.fail(str(describe()))
        time.sleep(0.02)
    return found


async def until_in_loop(condition):
    """Waits for the condition without blocking the event loop."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  # the condition has no event
            await asyncio.sleep(0.01)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

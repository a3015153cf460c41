"""Proves that the photo processor stops when it is told to."""

import asyncio

import pytest

from api.photos.processor import PhotoProcessor
from tests.builders.api import MONDAY
from tests.builders.waiting import PATIENCE


class EmptyDatabase:
    """A database in which no photo waits."""

    async def transact(self, _):
        return []


@pytest.mark.parametrize("steps", range(8))
def test_a_photo_that_arrives_during_a_stop_does_not_prevent_it(steps):
    """The wake and the stop meet at each step of the loop."""

    async def scenario():
        processor = PhotoProcessor(EmptyDatabase(), None, lambda: MONDAY)
        processor.start()
        await asyncio.sleep(0.01)
        processor.wake()
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            await processor.stop()
        assert processor._task.done()

    asyncio.run(scenario())

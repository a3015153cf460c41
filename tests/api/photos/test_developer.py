import asyncio

import pytest

from api.photos.processor import Developer
from tests.builders.api import MONDAY


class Nothing:
    """A database in which no photo waits."""

    async def transact(self, _):
        return []


@pytest.mark.parametrize("steps", range(8))
def test_a_photo_that_comes_at_the_moment_of_stopping_does_not_keep_it_from_stopping(steps):
    """Whatever the loop is doing when the wake and the stop meet."""

    async def story():
        developer = Developer(Nothing(), None, lambda: MONDAY)
        developer.start()
        await asyncio.sleep(0.01)
        developer.wake()
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(2):
            await developer.stop()
        assert developer._task.done()

    asyncio.run(story())

import asyncio
import time
from datetime import UTC, datetime, timedelta

from api.process.scheduler import MonotonicScheduler, build_scheduler
from inspections.errors import Unavailable


class Watch:
    """A scheduler with one job whose runs are counted, and a wall clock that the test sets."""

    def __init__(self):
        self.runs = 0
        self.offset = 0.0
        self.scheduler = MonotonicScheduler(0.02, lambda: self.offset)
        self.scheduler.every(0.02, self.run, "job")

    async def run(self):
        self.runs += 1


async def ran_again(watch, seconds=5):
    before = watch.runs
    until = time.monotonic() + seconds
    while watch.runs < before + 2 and time.monotonic() < until:  # noqa: ASYNC110  # the job counts, it does not tell
        await asyncio.sleep(0.01)
    return watch.runs >= before + 2


def test_a_clock_that_is_set_back_does_not_stop_the_sweep():
    """Set back by an hour, the next run would be an hour ahead: the scheduler plans anew instead."""

    async def story():
        watch = Watch()
        watch.scheduler.start()
        assert await ran_again(watch)
        (job,) = watch.scheduler.get_jobs()
        job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=1))
        assert not await ran_again(watch, 0.3)  # so it would stand without us
        watch.offset -= 3600
        assert await ran_again(watch)
        watch.scheduler.shutdown(wait=False)
        await asyncio.sleep(0)

    asyncio.run(story())


class Away:
    """A store that cannot be reached."""

    asked = 0

    async def transact(self, _):
        self.asked += 1
        raise Unavailable


def test_a_store_that_is_away_is_asked_again_at_the_next_tick(tmp_path):
    async def story():
        away = Away()
        scheduler = build_scheduler(away, None, tmp_path, lambda: datetime.now(UTC), 0.02)
        scheduler.start()
        await asyncio.sleep(0.3)
        scheduler.shutdown(wait=False)
        await asyncio.sleep(0)
        return away.asked

    assert asyncio.run(story()) > 2

"""Proves that the scheduler survives a clock that is set back and a store that cannot be reached."""

import asyncio
from datetime import UTC, datetime, timedelta

from api.process.scheduler import MonotonicScheduler, build_scheduler
from inspections.errors import Unavailable
from tests.builders.waiting import poll_in_loop


class Watch:
    """A scheduler with one job whose runs are counted, and a wall clock that the test sets."""

    def __init__(self):
        self.runs = 0
        self.offset = 0.0
        self.scheduler = MonotonicScheduler(0.02, lambda: self.offset)
        self.scheduler.add_recurring_job(0.02, self.run, "job")

    async def run(self):
        self.runs += 1


async def wait_for_more_runs(watch):
    before = watch.runs
    await poll_in_loop(lambda: watch.runs >= before + 2)


def test_a_clock_that_is_set_back_does_not_stop_the_sweep():
    """If the clock is set back by an hour, the next run would be an hour ahead: the scheduler plans anew."""

    async def scenario():
        watch = Watch()
        watch.scheduler.start()
        await wait_for_more_runs(watch)
        (job,) = watch.scheduler.get_jobs()
        job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=1))
        before = watch.runs
        await asyncio.sleep(0.3)
        assert watch.runs <= before + 1  # without a new plan the job does not run
        watch.offset -= 3600
        await wait_for_more_runs(watch)
        watch.scheduler.shutdown(wait=False)
        await asyncio.sleep(0)

    asyncio.run(scenario())


class UnreachableStore:
    """A store that cannot be reached."""

    asked = 0

    async def transact(self, _):
        self.asked += 1
        raise Unavailable


def test_an_unreachable_store_is_tried_again_at_the_next_tick(tmp_path):
    async def scenario():
        away = UnreachableStore()
        scheduler = build_scheduler(away, None, tmp_path, lambda: datetime.now(UTC), 0.02)
        scheduler.start()
        await poll_in_loop(lambda: away.asked > 2)
        scheduler.shutdown(wait=False)
        await asyncio.sleep(0)

    asyncio.run(scenario())

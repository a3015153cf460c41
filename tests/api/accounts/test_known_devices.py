"""Strangers who guess passwords, or keep the server busy with them, do not keep people out of the phones they use."""

import asyncio
import functools
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from threading import Event

import pytest
from litestar.testing import TestClient

from api.accounts.sign_in.authentication import HASHER
from api.accounts.sign_in.password_queue import KNOWN, MAX_WAITING, Applicant, PasswordQueue
from api.app import build_app
from api.settings import Settings
from inspections.errors import TooManyRequests
from tests.builders.addresses import FromManyAddresses
from tests.builders.api import PASSWORD, Api, on_both, problem
from tests.builders.passwords import WRONG, hire_person, try_password


def sign_in(api, **more):
    answer = try_password(api, PASSWORD, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


@on_both
def test_a_known_device_signs_in_while_strangers_guess_the_password(api):
    hire_person(api)
    secret = sign_in(api)["device_secret"]
    for _ in range(5):
        problem(try_password(api, WRONG), 401, "auth.failed")
    problem(try_password(api, PASSWORD), 429, "auth.too_many")
    assert sign_in(api, device_secret=secret)["device_secret"] == secret
    problem(try_password(api, PASSWORD), 429, "auth.too_many")  # strangers still wait


@on_both
def test_guesses_on_a_known_device_are_counted_there(api):
    hire_person(api)
    secret = sign_in(api)["device_secret"]
    for _ in range(5):
        problem(try_password(api, WRONG, device_secret=secret), 401, "auth.failed")
    problem(try_password(api, PASSWORD, device_secret=secret), 429, "auth.too_many")
    sign_in(api)  # another device, or a stranger with the right password


def test_a_secret_is_good_for_its_own_account_alone(api):
    hire_person(api)
    hire_person(api, "tian")
    secret = sign_in(api)["device_secret"]
    for shown in (secret, "made up", ""):
        for _ in range(5):
            try_password(api, WRONG, "tian", device_secret=shown)
        problem(try_password(api, PASSWORD, "tian", device_secret=shown), 429, "auth.too_many")
        api.clock.advance(hours=2)


def test_a_page_stays_known_by_a_cookie_also_after_signing_out(api):
    hire_person(api)
    page = {"root": True, "headers": {"Origin": "https://anxun.example"}}
    body = {"username": "qin", "password": PASSWORD, "page": True}
    first = api.post(None, "https://anxun.example/api/v1/auth/login", body, **page)
    assert (first.json()["device_secret"], "__Host-anxun-device" in first.cookies) == (None, True)
    assert api.post(None, "https://anxun.example/api/v1/auth/logout", None, **page).status_code == 204
    api.client.cookies.delete("__Host-anxun-access")
    for _ in range(5):
        problem(try_password(api, WRONG), 401, "auth.failed")
    problem(try_password(api, PASSWORD), 429, "auth.too_many")
    again = api.post(None, "https://anxun.example/api/v1/auth/login", body, **page)
    assert again.status_code == 200, again.text


def test_a_signed_in_person_confirms_who_they_are_while_strangers_guess(api):
    hire_person(api)
    sign_in(api)
    for _ in range(5):
        problem(try_password(api, WRONG), 401, "auth.failed")
    problem(try_password(api, PASSWORD, device="other"), 429, "auth.too_many")
    new = {"password": PASSWORD, "new_password": "a longer one, for the new phone"}
    assert api.post("phone", "/auth/password", new).status_code == 200


@pytest.fixture
def crowded_api(demo_office, tmp_path, clock, monkeypatch):
    """Return the application with passwords that are as slow to hash as in production."""
    monkeypatch.setattr(HASHER, "_parameters", replace(HASHER._parameters, time_cost=2, memory_cost=19 * 1024))
    shutil.copytree(demo_office[0], tmp_path / "data")
    app = FromManyAddresses(build_app(Settings(data=str(tmp_path / "data")), clock))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Api(client, clock, dict(demo_office[1]), tmp_path / "data")


def test_thirty_strangers_from_changing_addresses_keep_nobody_with_a_known_device_out(crowded_api):
    hire_person(crowded_api)
    secret = sign_in(crowded_api)["device_secret"]
    addresses, over = count(), Event()

    def guess():
        refused = 0
        while not over.is_set():
            sender = f"10.{next(addresses) % 250}.{next(addresses) % 250}.1"
            answer = try_password(crowded_api, WRONG, f"name{sender}", headers={"x-from": sender})
            refused += answer.status_code == 429
        return refused

    with ThreadPoolExecutor(30) as threads:
        strangers = [threads.submit(guess) for _ in range(30)]
        try:
            for _ in range(13):
                sign_in(crowded_api, device_secret=secret)
        finally:
            over.set()
        assert sum(each.result() for each in strangers) > 0  # so the queue was full


def test_guesses_from_one_ipv6_site_are_counted_together(crowded_api):
    for at in range(500):
        sender = {"x-from": f"2001:db8:1:{at:x}::1"}
        problem(try_password(crowded_api, "short", f"name{at}", headers=sender), 401, "auth.failed")
    other = {"headers": {"x-from": "2001:db8:1:ffff::1"}}
    problem(try_password(crowded_api, "short", "another", **other), 429, "auth.too_many")
    problem(try_password(crowded_api, "short", "another", headers={"x-from": "2001:db8:2::1"}), 401, "auth.failed")


# the queue ------------------------------------------------------------------------------------------------------


def in_event_loop(test):
    @functools.wraps(test)
    def run(*arguments, **named):
        asyncio.run(test(*arguments, **named))

    return run


async def fill(queue, *applicants):
    """Occupy the thread, let these wait; return the event that frees the thread, and the tasks."""
    free, order = Event(), []
    first = asyncio.ensure_future(queue.run(free.wait, KNOWN))
    await asyncio.sleep(0)
    tasks = [
        asyncio.ensure_future(queue.run(lambda at=at: order.append(at), each)) for at, each in enumerate(applicants)
    ]
    await asyncio.sleep(0)
    return free, [first, *tasks], order


def stranger(network):
    return Applicant(known=False, network=network)


@in_event_loop
async def test_known_people_come_before_strangers():
    free, tasks, order = await fill(PasswordQueue(), stranger("a"), KNOWN, stranger("b"), KNOWN)
    free.set()
    await asyncio.gather(*tasks)
    assert order == [1, 3, 0, 2]


@in_event_loop
async def test_a_full_queue_gives_up_one_of_the_network_that_crowds_it():
    queue = PasswordQueue()
    free, tasks, order = await fill(queue, *[stranger("crowd")] * MAX_WAITING)
    newcomer = asyncio.ensure_future(queue.run(lambda: order.append("newcomer"), stranger("other")))
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        queue.check_room(stranger("crowd"))
    free.set()
    ends = await asyncio.gather(*tasks, newcomer, return_exceptions=True)
    assert [type(each) for each in ends if isinstance(each, Exception)] == [TooManyRequests]
    assert order == [*range(MAX_WAITING - 1), "newcomer"]


@in_event_loop
async def test_refused_strangers_are_told_to_wait_longer_and_longer():
    queue = PasswordQueue()
    free, tasks, _ = await fill(queue, *[stranger(str(at)) for at in range(MAX_WAITING)])
    delays = []
    for _ in range(200):
        with pytest.raises(TooManyRequests) as refusal:
            await queue.run(int, stranger("other"))
        delays.append(refusal.value.facts["retry_after"])
    assert (delays[0], delays[-1], delays) == (1, 60, sorted(delays))
    free.set()
    await asyncio.gather(*tasks)
    await queue.run(int, stranger("other"))


@pytest.mark.parametrize("begun", [False, True])
@in_event_loop
async def test_a_request_that_is_given_up_leaves_the_queue(begun):
    queue = PasswordQueue()
    free, tasks, order = await fill(queue, stranger("a"), stranger("b"))
    if begun:
        free.set()
        await tasks[0]  # its turn has begun, but it has not gone on yet
    tasks[1].cancel()
    if not begun:
        await asyncio.sleep(0)
    free.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(ends[1], asyncio.CancelledError)
    assert 1 in order
    await queue.run(int, stranger("c"))

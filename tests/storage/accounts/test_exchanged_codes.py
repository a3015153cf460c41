"""Requests that show a provider's code at the same time use it once, on every database."""

import asyncio
from functools import partial

from inspections.accounts.actions.external_identities import keep_exchanged_code, take_exchanged_code
from inspections.accounts.external_identities import ExchangedCode
from tests.builders.office import NOW, later


def run_concurrently(database, *actions):
    async def all_of_them():
        return await asyncio.gather(*map(database.transact, actions))

    return asyncio.run(all_of_them())


def kept_code(subject, code, at=NOW):
    return ExchangedCode("wechat", subject, code, at)


def oldest(desk, spared):
    return desk.database.read_sync(lambda repository: repository.oldest_exchanged_codes(spared))


def test_one_of_several_requests_takes_a_code(desk):
    desk.do(keep_exchanged_code, kept_code("o-wang", "digest"))
    taken = run_concurrently(desk.database, *[partial(take_exchanged_code, digest="digest", now=NOW)] * 5)
    assert sorted(each is not None for each in taken) == [False] * 4 + [True]
    assert oldest(desk, 0) == []


def test_several_codes_of_one_identity_leave_one(desk):
    codes = [kept_code("o-wang", f"digest {at}", later(minutes=at)) for at in range(5)]
    run_concurrently(desk.database, *(partial(keep_exchanged_code, exchanged=each) for each in codes))
    (left,) = oldest(desk, 0)
    assert left in codes


def test_the_oldest_and_the_expired_codes_are_found(desk):
    for at in range(4):
        desk.do(keep_exchanged_code, kept_code(f"o-{at}", f"{at}", later(minutes=at)))
    assert [each.code for each in oldest(desk, 3)] == ["0"]
    old = desk.database.read_sync(lambda repository: repository.old_exchanged_codes(later(minutes=2), 2))
    assert [each.code for each in old] == ["0", "1"]

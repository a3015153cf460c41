"""Second looks: a re-check from the device or network that sent the fix by link counts, and is drawn for another."""

from functools import partial

import pytest

from inspections.errors import MissingPhotos
from inspections.fix_links.actions.party_links import make_link, submit_fix_by_link
from inspections.fix_links.links import NewLink
from inspections.hazards.records import Party, State
from inspections.notices.outbox import Notice
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Stage
from inspections.remediation.actions.second_look import delete_expired_origins
from inspections.remediation.actions.steps import take_step
from inspections.remediation.fix_origins import RETENTION, FixOrigin, RequestOrigin
from inspections.remediation.steps import Assign, Attach, Recheck, Reopen, SubmitFix
from tests.builders.fix_links import SHOP
from tests.builders.histories import history_defects
from tests.builders.office import NOW, Office, later, li, ma, new_id, photo, photo_declaration, wang, zhao
from tests.builders.steps import accepted_hazard, fix, take

SHOP_NETWORK, OFFICE_NETWORK = "203.0.113.7", "198.51.100.0"
origin = partial(RequestOrigin, "secret")


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def hazard(office):
    return take(office, li, accepted_hazard(office, responsible_party=SHOP, quantity=3), Assign, lead="zhao")


def fix_by_link(office, hazard, sent, now=NOW, **facts):
    token = new_id().hex * 2
    link = office.do(make_link, li, hazard.id, NewLink(new_id()), token, now).link
    office.do(receive_photos, link.sender, [photo("b")], now)
    fields = {"version": office.hazard(hazard.id).version, "method": "清理", "quantity_done": 3, **facts}
    step = SubmitFix(id=new_id(), photos=(photo_declaration("b", Stage.AFTER),), **fields)
    return office.do(submit_fix_by_link, token, step, now, sent).hazard


def recheck(office, who, hazard, sent, now=NOW, **facts):
    step = Recheck(**{"id": new_id(), "version": hazard.version, "result": "pass", "note": "已整改", **facts})
    return office.do(take_step, who, hazard.id, step, now, sent).hazard


def notices(office):
    return [each.kind for each in office.all(Notice)]


def test_a_pass_from_the_network_of_the_fix_counts_and_is_drawn_for_a_second_look(office, hazard):
    fixed = fix_by_link(office, hazard, origin(SHOP_NETWORK, None))
    drawn = recheck(office, li, fixed, origin(SHOP_NETWORK, "li"))
    assert (drawn.state, drawn.outcome, drawn.closed_at, drawn.quantity_done) == (State.PENDING_RECHECK, None, None, 0)
    assert (drawn.version, drawn.submitted_at) == (fixed.version + 2, fixed.submitted_at)
    assert drawn.recheck_due_at
    flag = drawn.recheck_flag
    assert (flag.kinds, flag.by, flag.at) == (("same_network",), "li", NOW)
    passed, line = office.history(hazard.id)[-2:]
    assert (passed.step, passed.by, passed.state) == ("recheck.pass", "li", State.CLOSED)
    assert (line.step, line.by, line.state) == ("draw", "system", State.PENDING_RECHECK)
    assert line.facts == {"flags": ["same_network"], "reason": f"{flag.words}，已通过的复查抽中再次复查"}
    assert "同一网络地址" in flag.words
    assert notices(office)[-2:] == ["submit_fix", "draw"]  # nobody is told that it is closed
    closed = recheck(office, wang, drawn, origin(OFFICE_NETWORK, "wang"))
    assert (closed.state, closed.quantity_done, closed.recheck_flag) == (State.CLOSED, 3, flag)
    assert history_defects(office) == []
    assert office.all(FixOrigin) == []


def test_the_second_look_ends_the_case_also_from_the_same_network(office, hazard):
    """In the network of a small office, one flag and one second look are enough."""
    drawn = recheck(office, li, fix_by_link(office, hazard, origin(SHOP_NETWORK, None)), origin(SHOP_NETWORK, "li"))
    assert recheck(office, li, drawn, origin(SHOP_NETWORK, "li")).state is State.CLOSED


@pytest.mark.parametrize(
    ("sent", "seen", "kinds"),
    [
        (origin(None, "li"), origin(OFFICE_NETWORK, "li"), ("same_device",)),
        (origin(SHOP_NETWORK, "li"), origin(SHOP_NETWORK, "li"), ("same_device", "same_network")),
        (origin(SHOP_NETWORK, "li"), origin(SHOP_NETWORK, "wang"), ("same_network",)),
        (origin(SHOP_NETWORK, None), origin(OFFICE_NETWORK, "li"), None),
        (origin(None, None), origin(None, "li"), None),
        (origin("li", None), origin(None, "li"), None),
        (None, origin(SHOP_NETWORK, "li"), None),
        (origin(SHOP_NETWORK, "li"), None, None),
    ],
)
def test_a_device_or_network_that_is_unknown_or_another_draws_nothing(office, hazard, sent, seen, kinds):
    after = recheck(office, li, fix_by_link(office, hazard, sent), seen)
    assert (after.state is State.PENDING_RECHECK, after.recheck_flag and after.recheck_flag.kinds) == (
        kinds is not None,
        kinds,
    )


def test_what_a_partial_re_check_confirmed_stays_confirmed(office, hazard):
    fixed = fix_by_link(office, hazard, origin(OFFICE_NETWORK, None), quantity_done=2)
    partly = recheck(office, li, fixed, origin(OFFICE_NETWORK, "li"), result="partial", note=None, quantity_done=2)
    assert (partly.state, partly.recheck_flag) == (State.RECTIFYING, None)
    again = fix_by_link(office, partly, origin(SHOP_NETWORK, None), later(hours=1))
    drawn = recheck(office, li, again, origin(SHOP_NETWORK, "li"), later(hours=2))
    assert (drawn.state, drawn.quantity_done) == (State.PENDING_RECHECK, 2)


def test_a_later_fix_is_not_compared_with_the_origin_of_an_earlier_one(office, hazard):
    fixed = fix_by_link(office, hazard, origin(SHOP_NETWORK, None))
    failed = recheck(office, wang, fixed, None, result="fail", note=None, reason="未清理", due_at=later(days=9))
    fixed = fix(office, failed, who=zhao, now=later(hours=1))
    assert recheck(office, li, fixed, origin(SHOP_NETWORK, "li"), later(hours=2)).state is State.CLOSED


def test_an_unknown_origin_replaces_that_of_an_earlier_fix(office, hazard):
    fixed = fix_by_link(office, hazard, origin(SHOP_NETWORK, None))
    failed = recheck(office, wang, fixed, None, result="fail", note=None, reason="未清理", due_at=later(days=9))
    fix_by_link(office, failed, None, later(hours=1))
    assert office.all(FixOrigin) == []


def test_a_new_fix_removes_the_flag(office, hazard):
    drawn = recheck(office, li, fix_by_link(office, hazard, origin(SHOP_NETWORK, None)), origin(SHOP_NETWORK, "li"))
    failed = recheck(office, wang, drawn, None, result="fail", note=None, reason="又堆物", due_at=later(days=9))
    assert failed.recheck_flag
    assert fix(office, failed, quantity_done=3).recheck_flag is None


def test_a_reopening_removes_the_flag(office, hazard):
    drawn = recheck(office, li, fix_by_link(office, hazard, origin(SHOP_NETWORK, None)), origin(SHOP_NETWORK, "li"))
    closed = recheck(office, wang, drawn, None)
    assert closed.recheck_flag
    assert take(office, ma, closed, Reopen, reason="又堆物", due_at=later(days=9)).recheck_flag is None


def test_a_refused_pass_keeps_the_origin_for_the_next_one(office, hazard):
    fixed = fix_by_link(office, hazard, origin(SHOP_NETWORK, None))
    missing = take(office, li, fixed, Attach, photos=(photo_declaration("e"),))
    with pytest.raises(MissingPhotos):
        recheck(office, li, missing, origin(SHOP_NETWORK, "li"))
    assert len(office.all(FixOrigin)) == 1


def test_neither_address_nor_account_is_stored_and_digests_differ_between_hazards(office, hazard):
    other = take(office, li, accepted_hazard(office, responsible_party=Party("owner", "陈某"), quantity=3), Assign)
    for each in (hazard, other):
        fix_by_link(office, each, origin(SHOP_NETWORK, "li"))
    one, two = office.all(FixOrigin)
    digests = [one.network, one.account, two.network, two.account]
    assert len({*digests}) == len(digests)
    assert all(len(each) == 64 for each in digests)


def test_origins_are_deleted_after_thirty_days(office, hazard):
    fixed = fix_by_link(office, hazard, origin(SHOP_NETWORK, None))
    assert office.do(delete_expired_origins, NOW + RETENTION, 10) == 0
    assert office.do(delete_expired_origins, later(days=31), 10) == 1
    assert recheck(office, li, fixed, origin(SHOP_NETWORK, "li"), later(days=32)).state is State.CLOSED

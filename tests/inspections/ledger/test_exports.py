"""Ledger exports: one worker claims each export, records its progress, and old exports are deleted."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Grant, Role
from inspections.accounts.policy import Scope
from inspections.errors import IdConflict, IdOwnerConflict, NotFound, TooManyRequests
from inspections.ledger.actions.exports import (
    claim_export,
    delete_old_exports,
    find_own_export,
    finish_export,
    record_export_progress,
    request_export,
)
from inspections.ledger.exports import (
    FAILURE_MESSAGE,
    LEASE,
    MAX_KEPT_BYTES,
    MAX_KEPT_EXPORTS,
    MAX_OPEN_EXPORTS,
    MAX_TRIES,
    RETENTION,
    Export,
    ExportForm,
    ExportState,
)
from inspections.ledger.selection import Selection
from tests.builders.office import NOW, THERE, Office, li, ma, new_id

HERE = Scope("", ("330402009036",), ())


def new_export(by=li, **fields):
    return replace(Export(new_id(), by.username, ExportForm.XLSX, False, Selection(HERE, HERE), NOW), **fields)  # noqa: FBT003


@pytest.fixture
def office():
    return Office()


def add_export(office, **fields):
    export, _ = office.do(request_export, new_export(**fields))
    return export


def test_an_export_is_requested_once_per_id(office):
    export = add_export(office)
    assert office.do(request_export, export) == (export, True)
    assert office.do(request_export, replace(export, asked_at=NOW + LEASE)) == (export, True)
    elsewhere = replace(export.selection, public_url="http://localhost:8000")
    assert office.do(request_export, replace(export, selection=elsewhere)) == (export, True)
    with pytest.raises(IdConflict) as conflict:
        request_export(office, replace(export, pictures=True))
    assert conflict.value.facts["fields"] == ["pictures"]
    with pytest.raises(IdOwnerConflict):
        request_export(office, replace(export, by=ma.username))


def test_an_export_is_visible_to_its_owner_until_it_expires(office):
    export = add_export(office)
    assert find_own_export(office, li, export.id, NOW) == export
    for person, export_id, now in ((ma, export.id, NOW), (li, new_id(), NOW), (li, export.id, NOW + RETENTION)):
        with pytest.raises(NotFound):
            find_own_export(office, person, export_id, now)
    assert office.do(delete_old_exports, NOW + RETENTION - LEASE, 9) == 0
    assert office.do(delete_old_exports, NOW + RETENTION, 9) == 1
    assert office.all(Export) == []


def test_an_export_is_hidden_once_its_owner_may_not_see_all_that_it_holds(office):
    export = add_export(office)
    office_wide = replace(li, grants=(Grant(Role.OFFICER, ""),))
    assert find_own_export(office, office_wide, export.id, NOW) == export
    elsewhere, numbers_only = (Grant(Role.OFFICER, THERE.code),), (Grant(Role.ANALYST, HERE.communities[0]),)
    for grants in ((), elsewhere, numbers_only):  # an analyst exports the same hazards, without names
        with pytest.raises(NotFound):
            find_own_export(office, replace(li, grants=grants), export.id, NOW)


def test_the_oldest_export_is_claimed_first_and_only_once(office):
    later, first = add_export(office, asked_at=NOW + LEASE), add_export(office)
    mine = office.do(claim_export, NOW)
    assert (mine.id, mine.state, mine.tries) == (first.id, ExportState.MAKING, 1)
    assert office.do(claim_export, NOW).id == later.id
    assert office.do(claim_export, NOW) is None
    assert office.do(record_export_progress, mine, 1000, 3000, NOW)
    assert office.do(finish_export, mine, 12345, None)
    ended = find_own_export(office, li, first.id, NOW)
    assert (ended.state, ended.done, ended.total, ended.size) == (ExportState.MADE, 3000, 3000, 12345)


def test_a_worker_that_reports_no_progress_loses_its_export(office):
    add_export(office)
    lost = office.do(claim_export, NOW)
    later = NOW + LEASE + timedelta(seconds=1)
    mine = office.do(claim_export, later)
    assert (mine.id, mine.tries) == (lost.id, 2)
    assert not office.do(record_export_progress, lost, 1, 2, later)
    assert not office.do(finish_export, lost, 1, None)
    assert office.do(finish_export, mine, None, FAILURE_MESSAGE)
    ended = find_own_export(office, li, mine.id, NOW)
    assert (ended.state, ended.error, ended.done) == (ExportState.FAILED, FAILURE_MESSAGE, 0)
    assert not office.do(record_export_progress, mine, 1, 2, later)


def test_an_export_fails_after_the_last_try(office):
    export = add_export(office)
    for number in range(MAX_TRIES):
        assert office.do(claim_export, NOW + 2 * number * LEASE).tries == number + 1
    assert office.do(claim_export, NOW + 9 * LEASE) is None
    assert find_own_export(office, li, export.id, NOW).state is ExportState.FAILED
    assert office.do(claim_export, NOW + 99 * LEASE) is None


def test_one_person_has_a_limited_number_of_open_exports(office):
    for _ in range(MAX_OPEN_EXPORTS):
        add_export(office)
    with pytest.raises(TooManyRequests):
        request_export(office, new_export())
    add_export(office, by=ma)
    office.do(finish_export, office.do(claim_export, NOW), 1, None)
    add_export(office)


def make_export(office, size=1, **fields):
    add_export(office, **fields)
    assert office.do(finish_export, office.do(claim_export, NOW), size, None if size else FAILURE_MESSAGE)


@pytest.mark.parametrize(("size", "most"), [(1, MAX_KEPT_EXPORTS), (None, MAX_KEPT_EXPORTS), (MAX_KEPT_BYTES // 2, 2)])
def test_one_person_keeps_a_limited_number_of_exports_and_bytes(office, size, most):
    """Their files lie on the disk for a day, so a person who asks again and again would fill it."""
    for at in range(most):
        make_export(office, size, asked_at=NOW + timedelta(minutes=at))
    later = NOW + timedelta(hours=1)
    with pytest.raises(TooManyRequests) as refused:
        request_export(office, new_export(asked_at=later))
    assert refused.value.facts["retry_after"] == (RETENTION - timedelta(hours=1)).total_seconds()
    make_export(office, by=ma, asked_at=later)
    first_expires = NOW + RETENTION
    with pytest.raises(TooManyRequests):
        request_export(office, new_export(asked_at=first_expires - timedelta(seconds=1)))
    add_export(office, asked_at=first_expires)

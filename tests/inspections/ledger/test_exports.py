"""A ledger that somebody has made: by whom it is made, how far it is, when it is gone."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.policy import Scope
from inspections.errors import IdConflict, IdTaken, Missing, TooMany
from inspections.ledger.actions.exports import (
    ask_for_export,
    claim_export,
    export_ended,
    export_went_on,
    forget_exports,
    own_export,
)
from inspections.ledger.exports import AT_ONCE, FAILED, KEPT, LEASE, TRIES, Export, ExportForm, ExportState
from inspections.ledger.selection import Selection
from tests.builders.office import NOW, Office, li, ma, new_id

HERE = Scope("", ("330402009036",), ())


def wanted(by=li, **fields):
    return replace(Export(new_id(), by.username, ExportForm.XLSX, False, Selection(HERE, HERE), NOW), **fields)  # noqa: FBT003


@pytest.fixture
def office():
    return Office()


def asked(office, **fields):
    export, _ = office.do(ask_for_export, wanted(**fields))
    return export


def test_it_is_asked_for_once_by_its_own_id(office):
    export = asked(office)
    assert office.do(ask_for_export, export) == (export, True)
    assert office.do(ask_for_export, replace(export, asked_at=NOW + LEASE)) == (export, True)
    with pytest.raises(IdConflict) as conflict:
        ask_for_export(office, replace(export, pictures=True))
    assert conflict.value.facts["fields"] == ["pictures"]
    with pytest.raises(IdTaken):
        ask_for_export(office, replace(export, by=ma.username))


def test_it_is_its_own_persons_until_its_time_is_over(office):
    export = asked(office)
    assert own_export(office, li, export.id, NOW) == export
    for person, export_id, now in ((ma, export.id, NOW), (li, new_id(), NOW), (li, export.id, NOW + KEPT)):
        with pytest.raises(Missing):
            own_export(office, person, export_id, now)
    assert office.do(forget_exports, NOW + KEPT - LEASE, 9) == 0
    assert office.do(forget_exports, NOW + KEPT, 9) == 1
    assert office.all(Export) == []


def test_the_one_that_has_waited_longest_is_made_first_and_only_once(office):
    later, first = asked(office, asked_at=NOW + LEASE), asked(office)
    mine = office.do(claim_export, NOW)
    assert (mine.id, mine.state, mine.tries) == (first.id, ExportState.MAKING, 1)
    assert office.do(claim_export, NOW).id == later.id
    assert office.do(claim_export, NOW) is None
    assert office.do(export_went_on, mine, 1000, 3000, NOW)
    assert office.do(export_ended, mine, 12345, None)
    ended = own_export(office, li, first.id, NOW)
    assert (ended.state, ended.done, ended.total, ended.size) == (ExportState.MADE, 3000, 3000, 12345)


def test_who_says_nothing_for_a_while_has_lost_it(office):
    asked(office)
    lost = office.do(claim_export, NOW)
    later = NOW + LEASE + timedelta(seconds=1)
    mine = office.do(claim_export, later)
    assert (mine.id, mine.tries) == (lost.id, 2)
    assert not office.do(export_went_on, lost, 1, 2, later)
    assert not office.do(export_ended, lost, 1, None)
    assert office.do(export_ended, mine, None, FAILED)
    ended = own_export(office, li, mine.id, NOW)
    assert (ended.state, ended.error, ended.done) == (ExportState.FAILED, FAILED, 0)
    assert not office.do(export_went_on, mine, 1, 2, later)


def test_one_that_nobody_could_make_has_failed(office):
    export = asked(office)
    for number in range(TRIES):
        assert office.do(claim_export, NOW + 2 * number * LEASE).tries == number + 1
    assert office.do(claim_export, NOW + 9 * LEASE) is None
    assert own_export(office, li, export.id, NOW).state is ExportState.FAILED
    assert office.do(claim_export, NOW + 99 * LEASE) is None


def test_one_person_does_not_keep_everybody_waiting(office):
    for _ in range(AT_ONCE):
        asked(office)
    with pytest.raises(TooMany):
        ask_for_export(office, wanted())
    asked(office, by=ma)
    office.do(export_ended, office.do(claim_export, NOW), 1, None)
    asked(office)

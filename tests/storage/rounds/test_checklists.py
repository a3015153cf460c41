"""Proves that a checklist comes back from either database as it was stored."""

import asyncio
from functools import partial

from inspections.office.categories import CATALOGUE
from inspections.rounds.actions.checklists import publish_checklist, save_draft
from inspections.rounds.checklists import ChecklistState, checklist_errors
from storage.rounds.starter_lists import starter_lists
from tests.builders.checklists import DRAFT
from tests.builders.office import NOW, ma


def test_a_checklist_comes_back_as_it_was_stored(database):
    async def scenario():
        saved = await database.transact(partial(save_draft, person=ma, sent=DRAFT, now=NOW))
        newest = await database.read(lambda repository: repository.checklist("e-bike-shed", None))
        published = await database.transact(
            partial(publish_checklist, person=ma, code="e-bike-shed", version=1, now=NOW)
        )
        shown = await database.read(lambda repository: repository.checklist("e-bike-shed", None))
        by_state = [
            await database.read(lambda repository, state=state: repository.checklist_summaries((state,)))
            for state in ChecklistState
        ]
        return saved.draft, newest, published, shown, by_state

    draft, newest, published, shown, by_state = asyncio.run(scenario())
    assert newest == draft
    assert draft.sections == DRAFT.sections
    assert shown == published
    assert [len(each) for each in by_state] == [0, 1, 0]


def test_the_lists_that_every_office_begins_with_are_right():
    categories = {each.code: each for each in CATALOGUE}
    found = starter_lists()
    assert [each.code for each in found] == [
        *("e-bike-parking", "escape-windows", "household-electricity"),
        *("joint-check", "shop-electricity", "small-premises-fire"),
    ]
    for each in found:
        assert checklist_errors(each.sections, categories) == []
        assert len(each.items) >= 8
        faults = [item for item in each.items.values() if item.weight and item.fault is None]
        assert len(faults) <= 2, "an item that counts says what it reports"

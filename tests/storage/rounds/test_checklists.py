"""Proves that a checklist comes back from either database as it was stored."""

import asyncio
from functools import partial

from inspections.rounds.actions.checklists import publish_checklist, save_draft
from inspections.rounds.checklists import ChecklistState
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

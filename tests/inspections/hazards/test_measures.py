"""Measures: each hazard adds to measures on certain days, and each step changes them by a difference."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.hazards.measures import (
    MEASURES,
    STATE_MEASURES,
    MeasureKey,
    date_from_day_number,
    day_number,
    hazard_measures,
    measure_differences,
)
from inspections.hazards.records import Evaluation, Outcome, State
from tests.builders.office import Office, later
from tests.builders.reports import report_new_hazard

HAZARD = report_new_hazard(Office())
TODAY = day_number(date(2026, 11, 23))

moments = st.sampled_from([None, later(), later(days=2), later(days=40)])
hazards = st.builds(
    lambda state, outcome, times, flags, community, score: replace(
        HAZARD,
        state=state,
        outcome=outcome if state is State.CLOSED else None,
        community=community,
        accepted_at=times[0],
        submitted_at=times[1],
        closed_at=times[2],
        due_at=times[3],
        original_due_at=times[4] if times[3] else None,
        advisory=flags[0],
        fixed_on_spot=flags[1],
        rebounded_as=HAZARD.id if flags[2] else None,
        times_extended=flags[3],
        times_returned=flags[4],
        times_reworked=flags[5],
        evaluation=score and Evaluation("wang", later(), score, None),
    ),
    st.sampled_from(State),
    st.sampled_from(Outcome),
    st.tuples(*[moments] * 5),
    st.tuples(*[st.booleans()] * 6),
    st.sampled_from(["330402009036", "330402009025"]),
    st.sampled_from([None, 1, 3, 4, 5]),
)


@given(hazards)
def test_a_hazard_counts_in_one_state_and_is_received_once(hazard):
    found = hazard_measures(hazard)
    assert found["received"] == 1
    assert sum(found.get(name, 0) for name in set(STATE_MEASURES.values())) == 1
    assert set(found) <= set(MEASURES)
    assert all(found.values())
    for part, whole in [
        ("fixed", "closed"),
        ("due_met", "due_ended"),
        ("cohort_closed", "cohort_accepted"),
        ("first_due_met", "first_due_ended"),
        ("fixed_then", "closed_then"),
        ("evaluated", "closed_then"),
        ("satisfied", "evaluated"),
    ]:
        assert found.get(part, 0) <= found.get(whole, 0)


@given(st.lists(hazards, min_size=1, max_size=6))
def test_the_differences_of_all_steps_add_up_to_the_current_measures(chain):
    """Treat each hazard of the chain as the result of a step on the one before."""
    moves = list(zip([None, *chain], chain, strict=False))
    sums = {}
    for move in moves:
        for cell, counts in measure_differences([move]).items():
            for name, number in counts.items():
                sums[cell, name] = sums.get((cell, name), 0) + number
    last = {
        (cell, name): number
        for cell, counts in measure_differences([(None, chain[-1])]).items()
        for name, number in counts.items()
    }
    assert {key: number for key, number in sums.items() if number} == last
    at_once = measure_differences(moves)
    assert {(cell, name): number for cell, counts in at_once.items() for name, number in counts.items()} == last


def test_each_measure_falls_on_its_own_day():
    fixed = replace(
        HAZARD,
        state=State.CLOSED,
        outcome=Outcome.FIXED,
        accepted_at=later(days=1),
        submitted_at=later(days=2),
        closed_at=later(days=3),
        due_at=later(days=5),
        original_due_at=later(days=1, hours=1),
        quantity=3,
        quantity_done=2,
    )
    cells = measure_differences([(None, fixed)])
    by_day = {cell.day - TODAY: dict(counts) for cell, counts in cells.items()}
    assert by_day == {
        0: {"received": 1, "accepted": 1, "closed": 1, "fixed": 1},
        1: {
            "cohort_accepted": 1,
            "cohort_closed": 1,
            "quantity_found": 3,
            "quantity_done": 2,
            "first_due_ended": 1,
        },
        3: {"closed_then": 1, "fixed_then": 1},
        5: {"due_ended": 1, "due_met": 1},
    }
    assert {cell[:4] for cell in cells} == {(HAZARD.community, "EV-03", "general", "inspector")}


@pytest.mark.parametrize(("score", "satisfied"), [(1, 0), (3, 0), (4, 1), (5, 1)])
def test_an_evaluation_counts_on_the_day_of_the_closing_and_satisfies_from_four_on(score, satisfied):
    closed = replace(HAZARD, state=State.CLOSED, outcome=Outcome.FIXED, closed_at=later(days=3))
    moved = measure_differences([(closed, replace(closed, evaluation=Evaluation("wang", later(days=9), score, None)))])
    ((cell, counts),) = moved.items()
    assert (cell.day - TODAY, counts.get("satisfied", 0)) == (3, satisfied)
    assert (counts["evaluated"], counts["score_total"]) == (1, score)
    reopened = replace(HAZARD, state=State.ACCEPTED, evaluation=Evaluation("wang", later(days=9), score, None))
    assert not {"evaluated", "satisfied", "score_total"} & set(hazard_measures(reopened))


def test_a_step_without_effect_on_measures_changes_nothing():
    assert measure_differences([(HAZARD, replace(HAZARD, version=2, description="别的", lead="zhao"))]) == {}


def test_a_reclassified_hazard_moves_its_measures_to_the_new_category():
    moved = measure_differences([(HAZARD, replace(HAZARD, category="EB-01"))])
    here = MeasureKey(HAZARD.community, "EV-03", "general", "inspector", TODAY)
    assert moved == {
        here: {"received": -1, "waiting": -1},
        here._replace(category="EB-01"): {"received": 1, "waiting": 1},
    }


@pytest.mark.parametrize("day", [date(2026, 11, 23), date(1970, 1, 1), date(1, 1, 1)])
def test_a_day_number_converts_back_to_its_day(day):
    assert date_from_day_number(day_number(day)) == day

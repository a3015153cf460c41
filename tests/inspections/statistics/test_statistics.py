import re

from hypothesis import given
from hypothesis import strategies as st

from inspections.hazards.deadlines import CLOCKS
from inspections.hazards.measures import MEASURES
from inspections.statistics.metrics import (
    CLOCK_DEFINITIONS,
    CLOCK_TITLES,
    COLUMN_TYPES,
    COUNT_NAMES,
    DEFINITIONS,
    FLOW_DEFINITIONS,
    RATES,
    Counts,
    Flow,
    OverdueCounts,
    metric_columns,
    satisfies_identities,
)


def counts_of(*late, **numbers):
    return Counts(tuple(numbers.pop(name, 0) for name in MEASURES), OverdueCounts(*late)) if numbers else Counts()


@given(st.lists(st.integers(0, 1000), min_size=len(MEASURES), max_size=len(MEASURES)))
def test_adding_rows_adds_every_number(numbers):
    row = Counts(tuple(numbers), OverdueCounts(1, 2, 3))
    assert row + Counts() == row
    assert (row + row).numbers() == {name: 2 * number for name, number in row.numbers().items()}


def test_rates_are_null_without_anything_to_divide():
    row = Counts().row()
    assert {row[name] for name in RATES} == {None}
    assert {row[f"{name}_denominator"] for name in RATES} == {0}


def test_metric_columns_hold_every_row_in_typed_columns():
    rows = [counts_of(1, 0, 0, received=3, fixing=2), Counts(), counts_of(received=4, duplicate=1, accepted=2)]
    columns = metric_columns(rows)
    assert all(isinstance(number, kind) for name, kind in COLUMN_TYPES.items() for number in columns[name])
    assert [{name: column[at] for name, column in columns.items()} for at in range(3)] == [each.row() for each in rows]
    assert all(not column for column in metric_columns([]).values())


def test_a_rate_is_its_numerator_divided_by_its_denominator():
    row = counts_of(received=10, duplicate=2, accepted=6).row()
    assert [row[f"acceptance_rate{part}"] for part in ("", "_numerator", "_denominator")] == [0.75, 6, 8]
    assert row["duplicate_rate"] == 0.2
    assert counts_of(cohort_accepted=4, cohort_closed=3, fixed_on_spot=1).row()["completion_rate"] == 0.75
    assert counts_of(quantity_found=3, quantity_done=1).row()["fix_rate"] == 0.333333
    assert counts_of(fixed=8, rebounded=1).row()["rebound_rate"] == 0.125


def test_overdue_hazards_lower_the_on_time_rate():
    row = counts_of(2, 3, 4, fixing=5, due_ended=7, due_met=6, first_due_ended=7, first_due_met=5).row()
    assert (row["overdue"], row["on_time"], row["open"]) == (2, 3, 5)
    assert (row["on_time_rate"], row["on_time_rate_denominator"]) == (0.6, 10)
    assert (row["first_on_time_rate_numerator"], row["first_on_time_rate_denominator"]) == (5, 11)


def test_the_states_of_a_row_must_add_up_to_its_received_count():
    assert satisfies_identities(counts_of(received=3, waiting=1, closed=1, rejected=1).numbers())
    assert not satisfies_identities(counts_of(received=3, waiting=1).numbers())


def test_every_number_and_rate_is_defined():
    assert set(DEFINITIONS) == {*COUNT_NAMES, *RATES}
    assert list(Counts().numbers()) == list(COUNT_NAMES)
    assert list(CLOCK_DEFINITIONS) == list(CLOCK_TITLES) == list(CLOCKS)


def test_flows_add_up_and_every_flow_number_is_defined():
    assert Flow(1, 2, 3, 4) + Flow(10, 20, 30, 40) == Flow(11, 22, 33, 44)
    assert set(FLOW_DEFINITIONS) == set(Flow.__struct_fields__)


def test_meanings_name_other_numbers_by_their_titles():
    assert DEFINITIONS["acceptance_rate"] == "受理率 = 受理 ÷ （上报 − 重复并案）"
    assert [name for name, meaning in DEFINITIONS.items() if re.search("[a-z_]{3,}", meaning)] == []

from hypothesis import given
from hypothesis import strategies as st

from inspections.statistics import DEFINITIONS, FLOWS, Counts, Flow, holds


@given(st.lists(st.integers(0, 1000), min_size=len(Counts.__struct_fields__), max_size=len(Counts.__struct_fields__)))
def test_adding_rows_adds_every_number(numbers):
    row = Counts(*numbers)
    assert row + Counts() == row
    assert (row + row).open == 2 * row.open


def test_rates_are_null_without_anything_to_divide():
    assert set(Counts().rates().values()) == {None}
    assert Counts(received=10, duplicate=2, accepted=6).rates()["acceptance_rate"] == 0.75
    assert Counts(cohort_accepted=4, cohort_closed=3, fixed_on_spot=1).rates()["completion_rate"] == 0.75
    assert Counts(quantity_found=3, quantity_done=1).rates()["fix_rate"] == 0.333333
    assert Counts(received=8, duplicate=2).rates()["duplicate_rate"] == 0.25
    assert Counts(fixed=8, rebounded=1).rates()["rebound_rate"] == 0.125


def test_the_identity_of_a_row():
    assert holds(Counts(received=3, waiting=1, closed=1, rejected=1))
    assert not holds(Counts(received=3, waiting=1))


def test_every_number_and_rate_is_defined():
    assert set(DEFINITIONS) == {*Counts.__struct_fields__, "open", *Counts().rates()}


def test_what_happens_adds_up_and_each_number_of_it_has_a_meaning():
    assert Flow(1, 2, 3, 4) + Flow(10, 20, 30, 40) == Flow(11, 22, 33, 44)
    assert set(FLOWS) == set(Flow.__struct_fields__)

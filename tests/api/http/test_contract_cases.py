"""Proves that every operation answers every role as its document says, whatever is sent, and never by a 5xx.

schemathesis makes the requests of the golden file: valid ones, invalid ones, and such with one part changed.
"""

import pytest
from schemathesis import GenerationMode

from tests.builders.contract_office import fill_office, open_sender
from tests.builders.contract_run import ContractRun, in_order, load_schema, refuses_something

OPERATIONS = in_order([each.ok() for each in load_schema().get_all_operations()])
CASES = [pytest.param(each, id=each.label) for each in OPERATIONS]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with open_sender(tmp_path_factory.mktemp("cases")) as sender:
        fill_office(sender)
        yield ContractRun(sender)


def check_answers(run, operation, random, coverage):
    before = {*run.findings}
    run.try_coverage(operation, coverage)
    run.try_random(operation, GenerationMode.POSITIVE, random)
    if refuses_something(operation):
        run.try_random(operation, GenerationMode.NEGATIVE, random)
    found = [run.findings[each] for each in run.findings if each not in before]
    assert not found, "\n\n".join("\n".join(each) for each in found)


@pytest.mark.parametrize("operation", CASES)
def test_every_operation_answers_as_its_document_says(run, operation):
    check_answers(run, operation, 2, 6)


@pytest.mark.drill
@pytest.mark.parametrize("operation", CASES)
def test_every_operation_answers_many_times_as_its_document_says(run, operation):
    check_answers(run, operation, 20, 40)

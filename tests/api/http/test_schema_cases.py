"""Proves that every operation answers every role as its document says, whatever is sent, and never by a 5xx.

schemathesis makes bodies and parameters from the golden file, half of them valid and half invalid.
"""

import contextlib
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.builders.contract import GOLDEN
from tests.builders.process import Process
from tests.builders.waiting import PATIENCE

IN_A_RUN = 8
"""Each operation gets so many valid and so many invalid cases: more than 1,500 in a run."""
IN_A_DRILL = int(os.environ.get("ANXUN_SCHEMA_CASES", "100"))
ROLES = ("inspector", "officer", "handler", "supervisor", "analyst", "admin")
CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
LEFT_OUT = {"POST /api/v1/auth/logout", "GET /api/v1/live"}
"""The first would sign a role out in the middle of the run, the second has no end."""

SCHEMA = schemathesis.openapi.from_path(GOLDEN)
OPERATIONS = [each for found in SCHEMA.get_all_operations() if (each := found.ok()).label not in LEFT_OUT]
ANYTHING_FITS = {"GET /f/{token}"}
CASES = [
    pytest.param(each, mode, id=f"{each.label} {mode.value}")
    for each in OPERATIONS
    for mode in GenerationMode
    if mode.is_positive or (each.label not in ANYTHING_FITS and (each.body or list(each.iter_parameters())))
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start a server and sign in each role; yield the server and the tokens, None for nobody."""
    process = Process(tmp_path_factory.mktemp("cases") / "data").start()
    tokens = {None: None}
    for role in ROLES:
        with contextlib.closing(process.client(role)) as client:
            tokens[role] = client.headers["Authorization"]
    yield process, tokens
    assert process.process.poll() is None
    process.stop()


def check_answers(server, operation, mode, examples):
    process, tokens = server

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    @given(case=operation.as_strategy(generation_mode=mode), role=st.sampled_from(list(tokens)))
    def answers(case, role):
        headers = {"Authorization": tokens[role]} if role else {}
        answer = case.call(base_url=f"http://127.0.0.1:{process.port}", headers=headers, timeout=PATIENCE)
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, checks=CHECKS)

    answers()


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_every_operation_answers_as_its_document_says(server, operation, mode):
    check_answers(server, operation, mode, IN_A_RUN)


@pytest.mark.drill
@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_every_operation_answers_many_times_as_its_document_says(server, operation, mode):
    check_answers(server, operation, mode, IN_A_DRILL)

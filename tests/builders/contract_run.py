"""Runs cases that schemathesis makes of the OpenAPI document against a running server, with all of its checks."""

import json
import re
from collections import Counter
from itertools import islice
from random import Random
from typing import NamedTuple

import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure

from tests.builders.contract import GOLDEN
from tests.builders.waiting import PATIENCE

ROLES = ("inspector", "officer", "supervisor", "admin", None)
"""Four roles, and nobody."""
ANY_TIME = (408, 413, 414, 421, 429, 431, 503, 507)
"""What the `default` answer of each operation stands for."""
_REFUSALS = ["401", "403", "404", "409", "410", "422", "429"]
_SETTINGS = {
    "checks": {
        "missing_required_header": {"expected-statuses": ["400", "405", "412", *_REFUSALS]},
        # what no schema says: 422, rules between fields, and cursors; 413, 416 and 460, what a header means for a body
        "positive_data_acceptance": {"expected-statuses": ["2xx", "304", *_REFUSALS, "413", "415", "416", "460"]},
        "negative_data_rejection": {"expected-statuses": [*_REFUSALS, "400", "405", "412", "413", "415", "416", "460"]},
    },
    "generation": {"exclude-header-characters": "\x00\r\n"},
}
_ONE_OF_A_LIST = r"query: violates `type` at /properties/\w+ \(was array"
_METHOD_NEEDS = "PATCH in X-HTTP-Method-Override needs an Upload-Offset, HEAD none: 400"
EXCUSES = (
    ("GET /f/{token}", "Allow header mismatch", "", "POST is the form of the page, not a part of the contract"),
    ("GET /f/{token}", "Wrong response to undeclared method", "", "POST is the form of the page"),
    ("POST /api/v1/hazards/steps", "Schema-violating request accepted", "items", "each step has its own answer"),
    ("POST /api/v1/hazards", "Schema-valid request rejected", "", "`report` is a text that has to be JSON: 400"),
    ("POST /api/v1/uploads/{upload_id}", "Schema-valid request rejected", "", _METHOD_NEEDS),
    ("POST /f/{token}/uploads/{upload_id}", "Schema-valid request rejected", "", _METHOD_NEEDS),
    ("", "Schema-violating request accepted", _ONE_OF_A_LIST, "in a query any text is a list of one"),
)
"""Operation or nothing for any, title of the failure, pattern of its message, and why it is none."""
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
_REPEATABLE = settings(deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
load_all_checks()
_CHECKS = CHECKS.get_all()


def refuses_something(operation):
    """Tells whether anything that is sent can be invalid; every Accept-Language and every token is a text."""
    names = {each.name for each in operation.iter_parameters()} - {"Accept-Language", "token"}
    return bool(operation.body or names)


FAIL_TO_SIGN_IN = {
    *(f"POST /api/v1/auth/{name}" for name in ("login", "password", "refresh", "external/{provider}")),
    "POST /api/v1/me/totp",
    "POST /api/v1/me/totp/confirm",
    "POST /api/v1/me/totp/remove",
}


class Finding(NamedTuple):
    """A failed check: the operation, the check's message and what the server said."""

    operation: str
    title: str
    message: str
    answer: str


def in_order(operations):
    """Last those that fail to sign in: after fifty failures nobody signs in from this address for a while."""
    return sorted(operations, key=lambda each: each.label in FAIL_TO_SIGN_IN)


def load_schema():
    """The golden document, whose `default` answers are replaced by the statuses that they stand for."""
    document = json.loads(GOLDEN.read_text())
    for operations in document["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            default = answers.pop("default")
            for status in ANY_TIME:
                answers.setdefault(str(status), default)
    return schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(_SETTINGS))


class ContractRun:
    """Sends the cases of one operation by each role, and keeps what the checks find."""

    def __init__(self, sender):
        self.sender = sender
        self.session = requests.Session()
        self.statuses = Counter()
        self.findings = {}
        self.cases = 0

    def try_coverage(self, operation, number):
        """Tries so many of the cases that change one part of a request, drawn at random but the same each time."""
        found = operation.schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=operation.schema.config.generation_for(operation=operation),
        )
        cases = [*islice(found, 2000)]
        draw = Random(operation.label)  # noqa: S311 - it draws nothing secret
        for case in cases if len(cases) <= number else draw.sample(cases, number):
            self.try_case(case)

    def try_random(self, operation, mode, number):
        """Tries so many random cases, all valid or all invalid."""

        @settings(_REPEATABLE, max_examples=number)
        @given(case=operation.as_strategy(generation_mode=mode))
        def try_each(case):
            self.try_case(case)

        try_each()

    def try_case(self, case):
        self.cases += 1
        places = self.sender.places_of(case.operation.path)
        made = self.cases % 4 == 0 and "token" not in places  # a made token is a guess
        if case.path_parameters and not made:
            negated = case.meta and case.meta.is_negative_at(schemathesis.core.parameters.ParameterLocation.PATH)
            if not negated:
                case.path_parameters.update(places)
        for role in ROLES:
            self.send(case, role)

    def send(self, case, role):
        headers = self.sender.headers_of(case.operation.label, role)
        base = self.sender.process.address
        if case.operation.label == "GET /api/v1/live":
            answer = self._first_event(case, base, headers)
        else:
            answer = case.call(base_url=base, headers=headers, session=self.session, timeout=PATIENCE)
        self.statuses[answer.status_code] += 1
        try:
            case.validate_response(
                answer,
                checks=_CHECKS,
                headers=headers,
                transport_kwargs={"base_url": base, "headers": headers, "timeout": PATIENCE},
            )
        except BaseExceptionGroup as found:
            for each in found.exceptions:
                assert isinstance(each, Failure), each
                self.keep(
                    Finding(
                        case.operation.label, each.title, each.message, answer.content[:300].decode(errors="replace")
                    )
                )

    def keep(self, finding):
        excused = any(
            operation in {finding.operation, ""} and title == finding.title and re.search(pattern, finding.message)
            for operation, title, pattern, _ in EXCUSES
        )
        if not excused:
            self.findings.setdefault(finding[:3], finding)

    def _first_event(self, case, base, headers):
        kwargs = case.as_transport_kwargs(base_url=base, headers=headers)
        with requests.Session() as session:
            answer = session.request(**kwargs, stream=True, timeout=PATIENCE)
            answer._content = next(answer.iter_content(4096), b"")
            answer._content_consumed = True
            answer.close()
        return answer

"""A running server understands every example body of the OpenAPI document, from a person who may send it."""

import pytest

from tests.builders.contract_office import DOCUMENT, examples, in_order, open_sender

UNDERSTOOD = {200, 201, 202, 404, 409}
"""404: no sign-in by that provider here, nothing begun that could be confirmed. 409: another state or version."""
ALSO_UNDERSTOOD = {
    "POST /api/v1/auth/refresh": {401},  # a token that nobody has
    "POST /api/v1/auth/password": {403},  # accounts of the demo office keep their password,
    "POST /api/v1/me/totp": {403},  # and have no second factor
}


def is_refused(answer):
    """Whether the shape of a body is refused; alerts are refused one by one."""
    found = answer.json() if answer.content else {}
    verdicts = [each.get("result") for each in found.get("items", [])] if "result" in found else []
    return found.get("code") in {"body.unparsable", "step.needs"} or "refused" in verdicts


@pytest.fixture(scope="module")
def sender(tmp_path_factory):
    with open_sender(tmp_path_factory.mktemp("example-bodies")) as found:
        yield found


def test_every_operation_with_a_json_body_has_an_example():
    assert [operation for operation, _, value in examples() if value is None] == []
    steps = {name for operation, name, _ in examples() if operation == "POST /api/v1/hazards/{hazard_id}/steps"}
    schema = DOCUMENT["paths"]["/api/v1/hazards/{hazard_id}/steps"]["post"]["requestBody"]["content"]
    assert steps == schema["application/json"]["schema"]["discriminator"]["mapping"].keys()


def test_every_example_body_is_understood_and_one_of_another_shape_is_not(sender):
    """The second proves that a 404 or 409 says something: the server looked at the body before it."""
    wrong = []
    for operation, name, body in in_order(examples()):
        other = [{**body[0], "metric": []}] if isinstance(body, list) else {**body, "no_such_field": 1}
        refused = sender.send(operation, name, other)
        answer = sender.send(operation, name, body)
        understood = answer.status_code in UNDERSTOOD | ALSO_UNDERSTOOD.get(operation, set())
        if not understood or is_refused(answer):
            wrong.append((operation, name, answer.status_code, answer.text))
        if not is_refused(refused):
            wrong.append((operation, name, "another shape", refused.status_code, refused.text[:300]))
        if answer.is_success and answer.content:
            sender.remember(operation, answer.json())
    assert not wrong, "\n".join(map(str, wrong))

"""Builds new people and signs them in."""

from inspections.accounts.people import Grant, Person
from inspections.change import Change
from tests.builders.api import HERE, PASSWORD, THERE

INSPECTOR = {"role": "inspector", "scope": HERE}


def new_person(**facts):
    return {"username": "han", "name": "韩", "password": "correct horse battery", "grants": [INSPECTOR], **facts}


def sign_in_as(api, username, password, status=200):
    answer = api.post(None, "/auth/login", {"username": username, "password": password})
    assert answer.status_code == status, answer.text
    if status == 200:
        api.tokens[username] = answer.json()["access_token"]
    return answer


def sign_in_stranger(api, username, role, scope=THERE):
    """Stores an account of the other office and signs it in; no administrator of this office could make it."""
    database, call = api.client.app.state.context.database, api.client.blocking_portal.call
    known = call(database.read, lambda repository: repository.person("admin"))
    person = Person(username, username, (Grant(role, scope),), known.password, demo=True)
    call(database.transact, lambda _: Change(None, (person,)))
    sign_in_as(api, username, PASSWORD)

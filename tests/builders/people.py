"""Builds new people and signs them in."""

from tests.builders.api import HERE

INSPECTOR = {"role": "inspector", "scope": HERE}


def new_person(**facts):
    return {"username": "han", "name": "韩", "password": "correct horse battery", "grants": [INSPECTOR], **facts}


def sign_in_as(api, username, password, status=200):
    answer = api.post(None, "/auth/login", {"username": username, "password": password})
    assert answer.status_code == status, answer.text
    if status == 200:
        api.tokens[username] = answer.json()["access_token"]
    return answer

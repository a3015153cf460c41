"""People who are hired and sign in."""

from tests.builders.api import HERE

INSPECTOR = {"role": "inspector", "scope": HERE}


def new(**facts):
    return {"username": "han", "name": "韩", "password": "correct horse battery", "grants": [INSPECTOR], **facts}


def signed_in(api, username, password, status=200):
    answer = api.post(None, "/auth/login", {"username": username, "password": password})
    assert answer.status_code == status, answer.text
    if status == 200:
        api.tokens[username] = answer.json()["access_token"]
    return answer

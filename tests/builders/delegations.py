"""Delegates a role over HTTP."""

import uuid


def delegation_request(**facts):
    return {
        "id": str(uuid.uuid4()),
        "to": "han",
        "since": "2026-11-23T09:05:00+08:00",
        "until": "2026-11-23T09:10:00+08:00",
        "reason": "外出培训",
        **facts,
    }


def lend_role(api, **facts):
    answer = api.post("supervisor", "/delegations", delegation_request(**facts))
    assert answer.status_code == 201, answer.text
    return answer.json()

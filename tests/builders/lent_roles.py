"""A role that is lent."""

import uuid


def asked(**facts):
    return {
        "id": str(uuid.uuid4()),
        "to": "han",
        "since": "2026-11-23T09:05:00+08:00",
        "until": "2026-11-23T09:10:00+08:00",
        "reason": "外出培训",
        **facts,
    }


def lent(api, **facts):
    answer = api.post("supervisor", "/delegations", asked(**facts))
    assert answer.status_code == 201, answer.text
    return answer.json()

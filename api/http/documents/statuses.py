"""The statuses that an operation answers beside its success: by its sign-in, its path, its headers and its body."""

from typing import Any

from inspections.accounts.people import Role
from inspections.accounts.policy import BY_LINK, POLICY, PUBLIC

Json = dict[str, Any]

ANY_TIME = (408, 413, 414, 421, 429, 431, 500, 503, 507)
"""Statuses that any request may get, whatever it asks for: an operation's `default` answer stands for them."""
_HEADER_STATUSES = {
    "If-None-Match": {"304": "What the client has is still right."},
    "X-HTTP-Method-Override": {"200": "What HEAD answers: the offset."},
    "Range": {"206": "The range that was asked for.", "416": "The range begins beyond the end."},
}


def problem_statuses(operation: Json, path: str, option: Json) -> set[str]:
    """Returns the statuses of problems that follow from what an operation takes. `option`: the `opt` of its handler."""
    found: set[str] = set()
    action = option["action"]
    if action == BY_LINK:
        found |= {"404", "410"}
    elif action != PUBLIC:
        found |= {"401"} if set(POLICY[action]) == set(Role) else {"401", "403"}
    if "{" in path:
        found.add("404")
    content = operation.get("requestBody", {}).get("content", {})
    if content.keys() & {"application/json", "multipart/form-data"}:
        found.add("400")
    if "application/json" in content and "201" in operation["responses"]:
        found.add("409")  # the client makes the id, which may be there with other content
    if "multipart/form-data" in content:
        found.add("415")
    names = {parameter["name"] for parameter in operation["parameters"]}
    if "Tus-Resumable" in names:
        found |= {"400", "412"} if content else {"412"}
    if "X-HTTP-Method-Override" in names:  # what the method that is meant answers, and 405 for another one
        found |= {"405", "409", "413", "415", "460"}
    if "Upload-Checksum" in names:
        found.add("460")
    return found


def add_header_statuses(operation: Json) -> None:
    """Adds the answers that a header asks for: by validators, by ranges, by another method."""
    answers = operation["responses"]
    for parameter in operation["parameters"]:
        for status, words in _HEADER_STATUSES.get(parameter["name"], {}).items():
            content = {"content": answers["200"]["content"]} if status == "206" and "content" in answers["200"] else {}
            answers[status] = {"description": words, **content}

"""Builds a day of hazards and reads their statistics."""

from tests.builders.api import THERE


def get_statistics(api, path, who="analyst", **query):
    answer = api.get(who, f"/statistics/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def create_cases(api):
    """Creates five hazards: one waits, one is fixed, one is overdue tomorrow, one is elsewhere, one is rejected."""
    waiting, closed, assigned = (
        api.report("inspector"),
        api.close_report(quantity=3),
        api.assign_report(category="EB-02"),
    )
    elsewhere = api.report("inspector2", community=THERE)
    api.take_step("officer", api.report("inspector"), "reject", reason="非隐患")
    return waiting, closed, assigned, elsewhere


def list_cases(api, link, who="analyst"):
    found, cursor = [], ""
    while cursor is not None:
        answer = api.get(who, f"{link.removeprefix('/api/v1')}&limit=2" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
    return found

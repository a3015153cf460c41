"""What must hold between numbers and lists."""

from inspections.statistics.metrics import COUNTED, holds


def check_identities(answer):
    assert all(holds(row) for row in [*answer["items"], answer["total"]])
    for name in COUNTED:
        assert sum(row[name] for row in answer["items"]) == answer["total"][name], name
    of_rates = ("_numerator", "_denominator")
    assert {name for name in answer["total"] if not name.endswith(of_rates)} == set(answer["definitions"])

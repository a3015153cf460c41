"""Checks the identities that hold between counts, rates and totals."""

from inspections.statistics.metrics import COUNT_NAMES, satisfies_identities


def check_identities(answer):
    assert all(satisfies_identities(row) for row in [*answer["items"], answer["total"]])
    for name in COUNT_NAMES:
        assert sum(row[name] for row in answer["items"]) == answer["total"][name], name
    of_rates = ("_numerator", "_denominator")
    assert {name for name in answer["total"] if not name.endswith(of_rates)} == set(answer["definitions"])

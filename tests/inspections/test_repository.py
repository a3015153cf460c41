"""The office of these tests implements every method of the Repository, as a store does."""

from inspections.repository import Repository
from tests.builders.office import Office


def test_the_office_of_these_tests_answers_every_question():
    asked = {name for name in dir(Repository) if not name.startswith("_")}
    assert {"get", "hazard", "fix_links"} <= asked
    assert not [name for name in sorted(asked) if not hasattr(Office, name)]

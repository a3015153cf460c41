"""Names and sentences are plain: verbs and nouns of the trade, and docstrings that a stranger understands.

A test can only hold the floor. It knows the words that no name ends with and no docstring begins with.
"""

import ast
import re
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
FILES = [
    path
    for room in ("inspections", "storage", "api")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "versions" not in path.parts  # a migration keeps the words of its day
]


def words(text):
    return frozenset(text.split())


PARTICIPLES = words("""
    begun born bought bound broken brought built caught chosen come done drawn driven fallen forgotten found frozen
    given gone grown heard held hidden hung kept known laid led left lent lost made meant met paid put risen said
    seen sent shown sold spoken stood struck stuck taken thought told torn understood worn written
""")
ADJECTIVES = words("""
    absent alike alone coarser current dead earlier earliest eligible empty first free highest idle last late later
    latest live lowest missing narrower new newest next old oldest opaque original own partial plain plausible
    present previous prior provisional ready right silent similar stale unclear unfit unlike unready upright visible
    whole worse wrong
""")
OTHERS = words("""
    about after again all always any aside at away before behind between by each else everybody everything first for
    forever from here how in instead into it less may me mine more most must nobody none not nothing now of off on
    once one only or otherwise our out over since so some somebody soon still than that then there they this those
    through to together twice under unless until up what when where which who why will with within without yet
""")
NOUNS = words("""
    bed briefing building feed filing finding greeting heading hearing listing mapping meeting need opening ping
    reading ring seed setting sibling speed string thing timing training warning
""")
PREDICATES = ("is_", "has_", "was_", "are_", "can_", "may_", "must_", "needs_")
ALLOWED = {
    "Unauthenticated": "the usual word for status 401 (RFC 9110, 15.5.2)",
    "NotFound": "the word of RFC 9110 for status 404",
    "Gone": "the word of RFC 9110 for status 410",
    "visited_at": "an instant, named as its columns are",
    "found_at": "an instant, named as its columns are",
    "submitted_at": "an instant, named as its columns are",
    "meaning": "a noun, and the field of that name in the answers",
    "copy_to": "the usual name for a copy with its target",
    "read_original": "original is a noun here: the photo as it was sent",
    "utc_now": "the usual name for the present time",
    "dead": "the command `anxun notices dead`",
    "verified": "a hash that was compared; see its docstring",
}
NO_BEGINNING = words("""
    Also And Anybody As At But Everybody For From How If In It Its No Nobody None Not On One's Only Or Same Somebody
    So Still Such That These They This Those To Unless Until What Whatever When Where Which Who Whoever Why
""")


def definitions():
    for path in FILES:
        for each in ast.walk(ast.parse(path.read_text())):
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield path, each


def docstrings():
    for path in FILES:
        for each in ast.walk(ast.parse(path.read_text())):
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
                text = ast.get_docstring(each)
                if text:
                    yield path, text


def last_word(name):
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return words[-1].lower() if words else ""


def is_riddle(name):
    """Tells whether a name ends with a participle, an adjective or a word that names nothing."""
    word = last_word(name)
    if name.lstrip("_").startswith(PREDICATES) or word in NOUNS:
        return False
    ends = (word.endswith("ed") and len(word) > 3) or (word.endswith("ing") and len(word) > 4)
    return ends or word in PARTICIPLES | ADJECTIVES | OTHERS


def test_the_rule_tells_riddles_from_names():
    for name in ("written", "_moved", "Shown", "erased_by", "next", "running", "goes_on"):
        assert is_riddle(name), name
    for name in ("append_history", "overdue_hazards", "is_written", "StepResult", "change_feed", "__init__"):
        assert not is_riddle(name), name


def test_functions_are_verbs_or_nouns_and_classes_are_nouns():
    riddles = {each.name: path for path, each in definitions() if is_riddle(each.name)}
    assert riddles.keys() == ALLOWED.keys(), {name: str(riddles[name]) for name in riddles.keys() - ALLOWED.keys()}


def test_a_docstring_begins_with_a_subject_or_a_verb():
    wrong = [(path, text.splitlines()[0]) for path, text in docstrings() if text.split()[0].strip(",:") in NO_BEGINNING]
    assert not wrong


def test_docstrings_are_short():
    assert median(len(text.splitlines()) for _, text in docstrings()) <= 2

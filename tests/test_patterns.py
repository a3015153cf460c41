"""No regular expression of the three rooms takes long, whatever text it is given."""

import ast
import itertools
import re
import signal
import time
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from inspections.field_types import LongText

ROOT = Path(__file__).parents[1]
ROOMS = ("inspections", "storage", "api")
METHODS = {"match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
LENGTH = 2000
"""Characters, as many as LongText allows: the longest text that a person enters."""
UNLIMITED = {"api.messages.field_errors", "api.messages.type_words", "storage.photos.formats"}
"""Modules whose patterns read what may be as long as a whole request: their time must grow in proportion."""
SECONDS = 2
"""Seconds of processor time, a hundred times what the slowest text of LENGTH takes: for growth that has no end."""
NOTICEABLE = 0.002
"""Seconds of processor time below which growth is not measured."""
QUADRATIC, LINEAR = 6, 3
"""The most growth from half the length to the whole: four and two times, and half as much again for the measurement."""
MEASUREMENTS = 6
"""How often the growth must be too fast, because a busy machine disturbs a single measurement."""


class Endless(Exception):
    """Raised in the middle of a match that takes too long."""


@contextmanager
def limit_time():
    """Limits the processor time of the block: `re` checks for signals while it searches."""

    def give_up(*_):
        raise Endless

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def measure_seconds(run, pattern, text):
    """The least processor time of three runs; SECONDS where it has no end."""
    found = []
    for _ in range(3):
        began = time.thread_time()
        try:
            with limit_time():
                run(pattern, text)
        except Endless:
            return SECONDS
        found.append(time.thread_time() - began)
        if found[-1] < NOTICEABLE:
            break
    return min(found)


# which patterns there are -------------------------------------------------------------------------------------------


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def patterns_in(value):
    """Yields the compiled patterns in a value and in the tuples, lists and dictionaries within."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from patterns_in(each)
    elif isinstance(value, dict):
        yield from patterns_in([*value.keys(), *value.values()])


def pattern_arguments(tree):
    """Yields (the method, the expression) of each pattern in calls like re.compile(…), Meta(pattern=…) and SQL."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        yield from (("search", each.value) for each in call.keywords if each.arg == "pattern")
        match call.func:
            case ast.Attribute(value=ast.Name(id="re"), attr=method) if method in {"compile", *METHODS}:
                yield method, call
            case ast.Attribute(attr="regexp_match" | "regexp_replace"):
                yield "search", call.args[0]


def methods_by_name(tree):
    """The methods that a module calls on each of its names."""
    found = {}
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in METHODS:
                found.setdefault(name, set()).add(method)
    return found


def compile_expression(expression, module):
    """The compiled pattern of an expression, or None where a loop or a function gives its parts."""
    flags = 0
    if isinstance(expression, ast.Call):
        expression, *more = expression.args
        if more and ast.unparse(more[-1]).startswith("re."):
            flags = eval(ast.unparse(more[-1]), vars(module))  # noqa: S307  # our own source
    try:
        return re.compile(eval(ast.unparse(expression), vars(module)), flags)  # noqa: S307  # our own source
    except NameError:
        return None


@cache
def all_patterns():
    """Every pattern of the rooms, with the methods that use it and the module that holds it."""
    found, unread = {}, []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text())
            asked = list(pattern_arguments(tree))
            if not asked or path == ROOT / "api" / "commands" / "__main__.py":
                continue
            module, used = import_module(module_name(path)), methods_by_name(tree)
            held = [(name, each) for name, value in vars(module).items() for each in patterns_in(value)]
            for name, each in held:
                found.setdefault((each, module.__name__), set()).update(used.get(name, {"search"}))
            for method, expression in asked:
                if "'|'.join(map(re.escape, " in ast.unparse(expression):
                    continue  # words as they are, which repeat nothing
                pattern = compile_expression(expression, module)
                if pattern is None:
                    unread += [] if held else [ast.unparse(expression)]
                elif all(pattern != each for _, each in held):
                    found.setdefault((pattern, module.__name__), set()).add(method if method in METHODS else "search")
    assert not unread, unread
    return found


# which texts are hard for a pattern ---------------------------------------------------------------------------------


def samples_of(tree):
    """Yields some texts that this part of a parsed pattern matches, the shortest first."""
    choices = [list(itertools.islice(samples_of_node(*node), 4)) or [""] for node in tree]
    yield from dict.fromkeys("".join(each) for each in itertools.islice(itertools.product(*choices), 8))


REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


def samples_of_node(kind, value):
    kind = str(kind)
    if kind in REPEATS:
        least, _, body = value
        for times in (least, least + 1):
            yield from (each * times for each in itertools.islice(samples_of(body), 3))
    elif kind == "BRANCH":
        for branch in value[1]:
            yield from itertools.islice(samples_of(branch), 2)
    elif kind in {"SUBPATTERN", "ATOMIC_GROUP"}:
        yield from samples_of(value[-1] if kind == "SUBPATTERN" else value)
    elif kind == "IN":
        yield from dict.fromkeys(letter for each in value for letter in letters_of(*each))
    else:  # positions and lookarounds take no letter
        yield from {"LITERAL": lambda: chr(value), "NOT_LITERAL": lambda: chr(value + 1), "ANY": lambda: "a "}.get(
            kind, lambda: [""]
        )()


CATEGORIES = {"DIGIT": "0", "SPACE": " ", "WORD": "a_0", "NOT_DIGIT": "a", "NOT_SPACE": "a-", "NOT_WORD": "- "}


def letters_of(kind, value):
    """Yields letters of a character class; for a negated one, letters that are rarely excluded."""
    match str(kind):
        case "LITERAL":
            yield chr(value)
        case "RANGE":
            yield from (chr(value[0]), chr(value[1]))
        case "CATEGORY":
            yield from CATEGORIES[str(value).removeprefix("CATEGORY_")]
        case "NEGATE":
            yield from "a 中-"


def nodes_with_prefix(tree, prefix=()):
    """Yields each repeated part of a parsed pattern with what stands before it."""
    for at, (kind, value) in enumerate(tree):
        before = (*prefix, *tree[:at])
        match str(kind):
            case kind if kind in REPEATS:
                if value[1] > 9:  # bounded repeats are short
                    yield before, value[2]
                yield from nodes_with_prefix(value[2], before)
            case "SUBPATTERN":
                yield from nodes_with_prefix(value[-1], before)
            case "ATOMIC_GROUP":
                yield from nodes_with_prefix(value, before)
            case "ASSERT" | "ASSERT_NOT":
                yield from nodes_with_prefix(value[1], before)
            case "BRANCH":
                for branch in value[1]:
                    yield from nodes_with_prefix(branch, before)


def letters_in(tree):
    """The letters that a whole pattern speaks of."""
    found = set()
    for kind, value in tree:
        found |= {letter for text in samples_of_node(kind, value) for letter in text}
        if str(kind) in REPEATS | {"SUBPATTERN"}:
            found |= letters_in(value[-1])
        elif str(kind) == "BRANCH":
            found |= {letter for branch in value[1] for letter in letters_in(branch)}
    return found


def hard_texts(pattern):
    """Yields (beginning, part to repeat, end): each repeated part, and the whole, followed by what does not fit."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = re._parser.parse(
        source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    )
    letters = sorted(letters_in(tree))[:24]
    whole = list(itertools.islice(samples_of(tree), 3))
    ends = ["", "\0", "\n\0", *whole[:1]]
    for before, body in [((), tree), *nodes_with_prefix(list(tree))]:
        starts = list(itertools.islice(samples_of(before), 3)) or [""]
        repeated = dict.fromkeys([*itertools.islice(samples_of(body), 6), *letters])
        yield from itertools.product(dict.fromkeys(["", *starts]), filter(None, repeated), ends)


def make_text(pattern, text, length):
    begin, part, end = text
    made = begin + part * (length // len(part)) + end
    return made.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else made


def run_method(method):
    if method in {"sub", "subn"}:
        return lambda pattern, text: getattr(pattern, method)(text[:0], text)
    if method == "finditer":
        return lambda pattern, text: list(pattern.finditer(text))
    return lambda pattern, text: getattr(pattern, method)(text)


def slow_texts(pattern, method, most, length):
    """Yields the hard texts on which the time grows too fast, each time that it is measured."""
    run = run_method(method)
    for text in hard_texts(pattern):
        whole, half = (make_text(pattern, text, size) for size in (length, length // 2))
        if measure_seconds(run, pattern, whole) >= NOTICEABLE and all(
            grows_too_fast(run, pattern, whole, half, most) for _ in range(MEASUREMENTS)
        ):
            yield text


def grows_too_fast(run, pattern, whole, half, most):
    seconds = measure_seconds(run, pattern, whole)
    return seconds >= SECONDS or seconds > most * measure_seconds(run, pattern, half)


def test_the_longest_text_of_a_person_is_the_length_that_is_tried():
    assert LongText.__metadata__[0].max_length == LENGTH


def test_every_pattern_is_found():
    named = {(pattern.pattern, module) for pattern, module in all_patterns()}
    assert len(named) > 40
    for source, module in (
        (r"\A[0-9a-f]{64}\Z", "inspections.field_types"),
        (r"\s+", "inspections.ledger.columns"),
        (r"[0-9]{1,9}", "inspections.ledger.legacy_import"),
        (r"matching regex", "api.messages.type_words"),
        (rb"\xff+", "storage.photos.formats"),
    ):
        assert (source, module) in named, source


@pytest.mark.parametrize(
    ("source", "most"),
    [(r"(a+)+b", QUADRATIC), (r"\s*\s*\s*;", QUADRATIC), (r"(\w+\d?)*-", QUADRATIC), (r"a.*b", LINEAR)],
)
def test_a_pattern_that_grows_too_fast_is_noticed(source, most):
    length = LENGTH if most == QUADRATIC else 20 * LENGTH
    assert next(slow_texts(re.compile(source), "search", most, length), None)


@pytest.mark.parametrize(
    ("pattern", "methods", "module"),
    [(pattern, methods, module) for (pattern, module), methods in all_patterns().items()],
    ids=[f"{module}-{at}" for at, (_, module) in enumerate(all_patterns())],
)
def test_no_pattern_takes_long_on_any_text(pattern, methods, module):
    most, length = (LINEAR, 20 * LENGTH) if module in UNLIMITED else (QUADRATIC, LENGTH)
    for method in methods:
        with suppress(StopIteration):
            pytest.fail(repr((pattern.pattern, method, next(slow_texts(pattern, method, most, length)))))

"""The project keeps its own rules: contents of the wheel, tracked files, sizes, descriptions and imports."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click import Context, Group

from api.commands.main import commands
from api.settings import Settings
from tests.builders.phone import BUILT

ROOT = Path(__file__).parents[1]
ROOMS = ("inspections", "storage", "api")


def tracked_files():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def sources():
    return [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]


def test_the_wheel_holds_the_three_packages_and_nothing_else(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(ROOMS)
    assert "storage/migrations/versions/0001_first_schema.py" in names
    built = {f"api/pages/built/{path.relative_to(BUILT)}" for path in BUILT.rglob("*") if path.is_file()}
    assert built <= set(names)


def test_no_file_is_longer_than_420_lines():
    long = {
        str(path.relative_to(ROOT)): lines for path in sources() if (lines := len(path.read_text().splitlines())) > 420
    }
    assert not long


def test_no_function_is_longer_than_60_lines():
    functions = (
        (path, each)
        for path in sources()
        if "migrations" not in path.parts
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert not [(path, each.name) for path, each in functions if each.end_lineno - each.lineno >= 60]


def test_no_file_has_a_name_for_everything_such_as_utils():
    drawers = {"utils", "helpers", "manager", "service", "base", "common"}
    assert not [path for path in sources() if drawers & set(path.stem.split("_"))]


def test_only_the_api_reads_the_clock():
    asked = re.compile(r"datetime\.now\(|time\.time\(|utcnow|date\.today")
    disk = ROOT / "storage" / "photos" / "incoming.py"  # compares the disk's own clock with files of the same disk
    rooms = [path for path in sources() if "api" not in path.relative_to(ROOT).parts and path != disk]
    assert not [path for path in rooms if asked.search(path.read_text())]


def test_no_tracked_file_names_a_registry_or_a_machine():
    words = re.compile(r"py[p]i\.org|python[h]osted|registry\.npm[j]s|deb\.debia[n]|/roo[t]/|/wor[k]/")
    texts = [path for path in tracked_files() if path.suffix not in {".jpg", ".png"}]
    assert not [path for path in texts if words.search(path.read_text(errors="ignore"))]


def test_locks_have_a_hash_for_every_package():
    for lock in (ROOT / "requirements").glob("*.txt"):
        packages = re.split(r"\n(?=[a-z])", lock.read_text())[1:]
        assert packages
        assert all("--hash=sha256:" in package for package in packages), lock.name
        assert "http" not in re.sub(r"(httpx|httpcore|httptools|aiohttp)\b", "", lock.read_text()), lock.name


def test_the_pages_name_every_command_and_setting():
    named = (ROOT / "docs" / "commands.md").read_text()
    context = Context(commands)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        parts = command.commands if isinstance(command, Group) else [""]
        for part in parts:
            assert f"`{f'anxun {name} {part}'.strip()}" in named, (name, part)
    settings = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| (`ANXUN_.*?) \|", settings, re.MULTILINE)
    described = [name for row in rows for name in re.findall(r"`ANXUN_([A-Z_]+)`", row)]
    assert sorted(described) == sorted(field.upper() for field in Settings.__struct_fields__)


def test_every_folder_describes_each_of_its_files():
    for path in sources():
        if path.name != "__init__.py" and "migrations" not in path.parts:
            text = (path.parent / "__init__.py").read_text()
            assert f"\n- `{path.stem}`: " in text, path


def test_no_folder_describes_a_missing_file():
    for path in sources():
        if path.name == "__init__.py" and "migrations" not in path.parts:
            named = set(re.findall(r"^- `(\w+)`: ", path.read_text(), re.MULTILINE))
            assert named == {each.stem for each in path.parent.glob("*.py")} - {"__init__"}, path


def test_no_folder_holds_more_than_16_files():
    folders = {path.parent for path in sources() if "migrations" not in path.parts}
    full = {str(folder): len(found) - 1 for folder in folders if len(found := list(folder.glob("*.py"))) > 16}
    assert not full


def test_rules_import_no_actions():
    for path in (ROOT / "inspections").rglob("*.py"):
        if "actions" not in {path.stem, path.parent.name}:
            assert not re.search(r"^\s*(from|import) inspections\.\w+\.actions", path.read_text(), re.MULTILINE), path


def test_nobody_asks_the_framework_for_the_url_of_a_request():
    """It contains the Host header, which anybody writes, and fails where the header cannot be parsed."""
    asked = re.compile(r"request\.(base_)?url\b")
    assert not [path for path in sources() if asked.search(path.read_text())]


def test_paths_of_the_server_are_written_only_where_they_become_routes_or_links():
    """A link is made by `local_link`, `public_link` or `message_link`, which add the path of the public URL."""
    path = re.compile(r"""["'`=](/api/v1|/f/|/d/|/docs|/schema/|/uploads)""")
    routes = {"api/app.py", "api/http/documents/document.py", "api/pages/documents.py", "api/photos/tus.py"}
    links = {
        *("api/fix_links/addresses.py", "api/photos/delivery.py", "api/process/health.py", "api/statistics/filters.py"),
        *("api/ledger/photo_page.py", "api/pages/routes.py"),
    }
    files = [*sources(), *(ROOT / "api" / "http" / "templates").glob("*.html")]
    assert {str(each.relative_to(ROOT)) for each in files if path.search(each.read_text())} == routes | links


def test_no_test_file_imports_another():
    files = [path for path in (ROOT / "tests").rglob("*.py") if "builders" not in path.parts]
    imported = re.compile(r"^\s*(?:from|import) tests(?!\.builders)\b", re.MULTILINE)
    assert not [path for path in files if imported.search(path.read_text())]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("inspections/accounts/people.py", "import inspections.hazards.records"),
        ("storage/photos/names.py", "import storage.statistics.query"),
        ("storage/engine/rows.py", "import inspections.hazards.records"),
        ("api/hazards/views.py", "import api.ledger.exports"),
        ("api/http/headers.py", "import inspections.repository"),
        ("inspections/calendar.py", "import sqlalchemy"),
    ],
)
def test_an_import_in_the_wrong_direction_is_refused(tmp_path, file, line):
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as source:
        source.write(f"\n{line}\n")
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert " broken." in done.stdout
    assert file.removesuffix(".py").replace("/", ".") in done.stdout

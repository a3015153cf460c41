"""The walk of docs/ works when pasted, the two READMEs agree, and the paths and links of all pages exist."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY
from tests.builders.process import PASSWORD, Process

ROOT = Path(__file__).parents[1]
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_the_walk_closes_a_hazard_and_counts_it(tmp_path):
    (walk,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "walk.md").read_text(), re.DOTALL)
    process = Process(tmp_path / "anxun-data").start()
    for name in ("before", "after"):
        (tmp_path / f"{name}.jpg").write_bytes(draw_sample_photo(name, "EB-01", MONDAY))
    environment = process.environment | {
        "API": f"http://127.0.0.1:{process.port}/api/v1",
        "ANXUN_DEMO_PASSWORD": PASSWORD,
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", walk],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    process.stop()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1] == lines[2]  # the same number twice
    assert re.fullmatch(r"XJ-\d{4}-000001", lines[1])
    assert [line for line in lines if re.fullmatch(r"[a-z_]+", line)] == [
        "accepted",
        "assigned",
        "rectifying",
        "pending_recheck",
        "closed",
    ]
    assert "'closed': 1" in lines[-4]
    assert json.loads(lines[-3]) == []
    after = (tmp_path / "after.jpg").read_bytes()
    assert lines[-2:] == ["9000", hashlib.sha256(after).hexdigest()]
    assert (tmp_path / "upright-320px.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_each_readme_has_at_most_100_lines():
    for readme in (README, CHINESE):
        assert len(readme.read_text().splitlines()) <= 100, readme


def test_the_two_readmes_have_the_same_structure():
    english, chinese = README.read_text(), CHINESE.read_text()
    for shape in (
        r"^(#+) ",  # sections
        r"^(\d+\. )",  # the main job
        r"^\|( )",  # lines of tables
        r"^(```\w*)",
        r"^(make \w+)",
        r"(\w+ -->|\w+ --> \w+)",  # arrows of the picture
        r"\]\((?!README)([^)]+)\)",  # links
    ):
        assert re.findall(shape, english, re.MULTILINE) == re.findall(shape, chinese, re.MULTILINE), shape


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_and_link_of_a_page_exists(page):
    text = page.read_text()
    named = re.findall(r"`((?:inspections|storage|api|tests|docs|docker|benchmarks|requirements)/[^\s`]*)`", text)
    tests = [name.partition("::") for name in named if "::" in name]
    assert not [name for path, _, name in tests if f"def {name}(" not in (ROOT / path).read_text()]
    paths = [ROOT / name for name in named if not re.search(r"[<*:]", name) and name not in _TRIAL_FILES]
    links = [link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    targets = [(page.parent / path if path else page, anchor) for path, _, anchor in links]
    assert not [str(path) for path in (*paths, *(target for target, _ in targets)) if not path.exists()]
    assert not [(str(path), anchor) for path, anchor in targets if anchor and anchor not in _anchors(path)]


_TRIAL_FILES = {
    "inspections/places/shelters.py",
    "api/places/shelters.py",
    "storage/migrations/versions/0031_shelters.py",
}
"""These files belong to a trial that CONTRIBUTING.md describes."""


def _anchors(page):
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

"""The programs of docs/api.md report a hazard with its photo when they are pasted."""

import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY
from tests.builders.node_packages import NODE
from tests.builders.process import PASSWORD, Process

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
TYPESCRIPT = """
import { openAsBlob } from "node:fs";
const file = await openAsBlob("stairs.jpg");
%s
if (made.status !== 201) throw new Error(await made.text());
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("api-page") / "data").start()
    yield process
    process.stop()


def read_program(language, server):
    (program,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return program.replace("https://HOST", server.address).replace('"…"', f'"{PASSWORD}"')


def run_program(command, folder):
    (folder / "stairs.jpg").write_bytes(draw_sample_photo(folder.name, "EB-01", MONDAY))
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_report(server, number_before):
    with closing(server.client("officer")) as officer:
        items = officer.get("/hazards").json()["items"]
    assert len(items) == number_before + 1
    assert items[0]["missing_photos"] == []


def count_reports(server):
    with closing(server.client("officer")) as officer:
        return len(officer.get("/hazards").json()["items"])


def test_the_python_program_reports_a_hazard(server, tmp_path):
    before = count_reports(server)
    (tmp_path / "report.py").write_text(read_program("python", server))
    assert re.fullmatch(r"XJ-\d{4}-\d{6}\n", run_program([sys.executable, "report.py"], tmp_path))
    check_report(server, before)


def test_the_typescript_program_reports_a_hazard(server, tmp_path):
    before = count_reports(server)
    (tmp_path / "report.mts").write_text(TYPESCRIPT % read_program("typescript", server))
    run_program([NODE, "--no-warnings", "report.mts"], tmp_path)
    check_report(server, before)


def test_the_commands_of_a_shell_report_a_hazard(server, tmp_path):
    if missing := [each for each in ("curl", "jq") if shutil.which(each) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    before = count_reports(server)
    run_program(["bash", "-euo", "pipefail", "-c", read_program("bash", server)], tmp_path)
    check_report(server, before)

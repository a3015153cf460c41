"""Clients that generators make of the OpenAPI document carry a report from the photo to the passed re-check.

docs/api.md names the same commands. Without npm packages and a registry, the test of TypeScript is skipped, visibly.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY
from tests.builders.contract import GOLDEN
from tests.builders.node_packages import CONTRACT, NODE
from tests.builders.process import PASSWORD, Process

STEPS = ["report", "accept", "assign", "start", "submit_fix", "recheck.pass"]
TYPE_CHECK = "--strict --noEmit --target es2024 --module nodenext --allowImportingTsExtensions --types node"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("generated-clients") / "data").start()
    yield process
    process.stop()


def run(command, folder, **environment):
    """Runs a command in a folder; returns what it prints, and fails with its complaints."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tell_story(program, story, server, folder):
    for name in ("before.jpg", "after.jpg"):
        (folder / name).write_bytes(draw_sample_photo(f"{story} {name}", "EB-01", MONDAY))
    printed = run([program, story, server.address, PASSWORD, "before.jpg", "after.jpg"], folder)
    assert printed.split() == STEPS


def test_a_typescript_client_is_type_checked_and_carries_a_report_through(node_packages, server, tmp_path):
    (tmp_path / "node_modules").symlink_to(node_packages / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(CONTRACT / "story.ts", tmp_path)
    packages = tmp_path / "node_modules"
    generate = [NODE, packages / "openapi-typescript/bin/cli.js", GOLDEN, "--default-non-nullable=false"]
    run([*generate, "--output", "schema.d.ts"], tmp_path)
    run([NODE, packages / "typescript/bin/tsc", *TYPE_CHECK.split(), "story.ts"], tmp_path)
    tell_story(NODE, "story.ts", server, tmp_path)


def test_a_python_client_has_every_operation_and_carries_a_report_through(server, tmp_path):
    shutil.copy(CONTRACT / "story.py", tmp_path)
    generator = Path(sys.executable).parent / "openapi-python-client"
    options = ["--path", GOLDEN, "--config", CONTRACT / "openapi-python-client.yaml"]
    output = ["--output-path", "client", "--meta", "none", "--fail-on-warning"]
    run([generator, "generate", *options, *output], tmp_path)
    tell_story(sys.executable, "story.py", server, tmp_path)

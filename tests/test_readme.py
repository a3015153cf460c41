"""The walk of the README works when pasted."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

from storage.photos.sample_images import draw
from tests.builders.api import MONDAY
from tests.builders.process import PASSWORD, Process

README = Path(__file__).parents[1] / "README.md"


def test_the_walk_closes_a_hazard_and_counts_it(tmp_path):
    (walk,) = (block for block in re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL) if "sign_in" in block)
    process = Process(tmp_path / "anxun-data").start()
    for name in ("before", "after"):
        (tmp_path / f"{name}.jpg").write_bytes(draw(name, "EB-01", MONDAY))
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

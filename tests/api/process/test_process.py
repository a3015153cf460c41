"""Proves that the real command survives kills, stops cleanly, explains bad settings and limits stalled uploads."""

import contextlib
import hashlib
import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner

from api.commands.main import commands
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY
from tests.builders.process import ANXUN, Process, kill_while_reporting
from tests.builders.waiting import poll_until


def test_a_killed_server_keeps_every_acknowledged_report(process):
    kill_while_reporting(process, clients=4, kills=3, reports=20)


@pytest.mark.drill
def test_a_server_killed_twenty_times_under_sixteen_phones_keeps_every_acknowledged_report(process):
    kill_while_reporting(process, clients=16, kills=20, reports=80)


def test_a_second_server_is_refused_and_the_first_exits_with_0(process):
    elsewhere = process.environment | {"ANXUN_PORT": "0"}
    second = subprocess.run([ANXUN, "serve"], env=elsewhere, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert "in use by another anxun process" in " ".join(second.stderr.split())
    assert process.stop() == 0


def test_the_demo_password_is_generated_once_and_hidden_from_other_accounts(tmp_path):
    for _ in range(2):
        process = Process(tmp_path / "data", ANXUN_DEMO_PASSWORD=None).start()
        process.stop()
    kept = tmp_path / "data" / "demo-password"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert process.log.read_text().count(kept.read_text().strip()) == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ANXUN_PROT": "1"}, "prot"),
        ({"ANXUN_HOST": "0.0.0.0", "ANXUN_DEMO_PASSWORD": None}, "beyond loopback"),  # noqa: S104
        ({"ANXUN_DATABASE": "mysql://localhost/x"}, "ANXUN_DATABASE"),
        ({"ANXUN_DATABASE": "postgresql://postgres@127.0.0.1:1/x"}, "database: connection"),
        ({"ANXUN_DATABASE": "sqlite:////proc/anxun.db"}, "/proc"),
    ],
)
def test_a_bad_setting_is_explained_without_a_traceback(tmp_path, settings, words):
    process = Process(tmp_path / "data", **settings)
    done = subprocess.run(
        [ANXUN, "serve", "--demo"], env=process.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_every_command_prints_its_help():
    done = subprocess.run([ANXUN, "--help"], capture_output=True, text=True, check=True)
    assert len(done.stdout) > 200
    for command in commands.list_commands(Context(commands)):
        result = CliRunner().invoke(commands, [command, "--help"])
        assert (result.exit_code, len(result.output) > 200) == (0, True), command


def test_the_openapi_command_prints_the_golden_file():
    done = subprocess.run([ANXUN, "openapi"], capture_output=True, check=True)
    assert json.loads(done.stdout) == json.loads((Path(__file__).parents[1] / "openapi.json").read_text())


def start_stalled_upload(process, username="inspector"):
    """Start an upload that stops in the middle; return its connection."""
    client = process.client(username)
    token = client.headers["Authorization"]
    client.close()
    phone = socket.create_connection(("127.0.0.1", process.port))
    lines = (f"PUT /api/v1/photos/{'0' * 64} HTTP/1.1", "Host: x", f"Authorization: {token}", "Content-Length: 3000000")
    phone.sendall("\r\n".join((*lines, "", "")).encode() + bytes(100_000))
    return phone


def test_a_phone_with_many_stalled_uploads_leaves_room_for_others(process):
    phones = [start_stalled_upload(process) for _ in range(16)]
    picture = draw_sample_photo("the seventeenth", "EB-01", MONDAY)
    path = f"/photos/{hashlib.sha256(picture).hexdigest()}"
    with contextlib.closing(process.client()) as wild, contextlib.closing(process.client("officer")) as other:
        wild.headers["Connection"] = "close"  # the server hangs up after it refuses a body unread
        answer = poll_until(lambda: (answer := wild.put(path, content=picture)).status_code == 429 and answer)
        assert (answer.json()["code"], answer.headers["retry-after"]) == ("requests.too_many", "2")
        assert wild.post("/photos", files={"file": picture}).status_code == 429
        assert wild.get("/hazards").status_code == 200
        assert other.put(path, content=picture).status_code == 201
        for phone in phones:
            phone.close()
        poll_until(lambda: wild.put(path, content=picture).status_code != 429)


@pytest.mark.drill
def test_a_stalled_upload_gets_408_and_leaves_no_file(process):
    phone = start_stalled_upload(process)
    phone.settimeout(30)
    begun = time.monotonic()
    assert phone.recv(100).startswith(b"HTTP/1.1 408")
    assert 10 < time.monotonic() - begun < 25
    phone.close()
    assert list((process.folder / "photos" / "incoming").iterdir()) == []


@pytest.mark.drill
def test_a_stalled_upload_delays_a_stop_only_briefly(process):
    phone = start_stalled_upload(process)
    time.sleep(0.5)
    begun = time.monotonic()
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(40) == 0
    assert time.monotonic() - begun < 30
    phone.close()


@pytest.fixture
def process(tmp_path):
    process = Process(tmp_path / "data")
    yield process.start()
    if process.process.poll() is None:
        process.stop(signal.SIGKILL)

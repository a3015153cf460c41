"""The real command in a process of its own: started, spoken to, killed, started again."""

import contextlib
import hashlib
import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from storage.photos.sample_images import draw
from tests.builders.api import MONDAY
from tests.builders.process import ANXUN, Process, kill_while_reporting


def test_killed_in_the_middle_nothing_acknowledged_is_gone(process):
    kill_while_reporting(process, clients=4, kills=3, every=1.0)


@pytest.mark.drill
def test_killed_twenty_times_under_sixteen_phones_nothing_acknowledged_is_gone(process):
    kill_while_reporting(process, clients=16, kills=20, every=2.0)


def test_stopped_politely_it_ends_with_0_and_a_second_one_is_refused_before(process):
    elsewhere = process.environment | {"ANXUN_PORT": "0"}
    second = subprocess.run([ANXUN, "serve"], env=elsewhere, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert "in use by another anxun process" in " ".join(second.stderr.split())
    assert process.stop() == 0


def test_the_office_s_password_is_made_up_once_and_kept_from_others(tmp_path):
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
def test_what_a_person_can_put_right_is_said_in_a_line(tmp_path, settings, words):
    process = Process(tmp_path / "data", **settings)
    done = subprocess.run(
        [ANXUN, "serve", "--demo"], env=process.environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_the_commands_explain_themselves():
    for command in ([], ["serve"], ["migrate"], ["demo"], ["openapi"]):
        done = subprocess.run([ANXUN, *command, "--help"], capture_output=True, text=True, check=True)
        assert len(done.stdout) > 200


def test_the_openapi_command_prints_the_golden_file():
    done = subprocess.run([ANXUN, "openapi"], capture_output=True, check=True)
    assert json.loads(done.stdout) == json.loads((Path(__file__).parents[1] / "openapi.json").read_text())


def stalled_upload(process, username="inspector"):
    """A phone that has begun to send and stands still."""
    client = process.client(username)
    token = client.headers["Authorization"]
    client.close()
    phone = socket.create_connection(("127.0.0.1", process.port))
    lines = (f"PUT /api/v1/photos/{'0' * 64} HTTP/1.1", "Host: x", f"Authorization: {token}", "Content-Length: 3000000")
    phone.sendall("\r\n".join((*lines, "", "")).encode() + bytes(100_000))
    return phone


def test_a_phone_gone_wild_leaves_room_to_the_others(process):
    phones = [stalled_upload(process) for _ in range(16)]
    picture = draw("the seventeenth", "EB-01", MONDAY)
    path = f"/photos/{hashlib.sha256(picture).hexdigest()}"
    with contextlib.closing(process.client()) as wild, contextlib.closing(process.client("officer")) as other:
        wild.headers["Connection"] = "close"  # whoever is refused with his body unread is hung up on
        until = time.monotonic() + 10
        while (answer := wild.put(path, content=picture)).status_code != 429:
            assert time.monotonic() < until
        assert (answer.json()["code"], answer.headers["retry-after"]) == ("requests.too_many", "2")
        assert wild.post("/photos", files={"file": picture}).status_code == 429
        assert wild.get("/hazards").status_code == 200
        assert other.put(path, content=picture).status_code == 201
        for phone in phones:
            phone.close()
        until = time.monotonic() + 10
        while wild.put(path, content=picture).status_code == 429:
            assert time.monotonic() < until


@pytest.mark.drill
def test_an_upload_that_stands_still_is_told_so_and_leaves_nothing(process):
    phone = stalled_upload(process)
    phone.settimeout(30)
    begun = time.monotonic()
    assert phone.recv(100).startswith(b"HTTP/1.1 408")
    assert 10 < time.monotonic() - begun < 25
    phone.close()
    assert list((process.folder / "photos" / "incoming").iterdir()) == []


@pytest.mark.drill
def test_an_upload_that_stands_still_does_not_hold_up_a_stop_for_long(process):
    phone = stalled_upload(process)
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

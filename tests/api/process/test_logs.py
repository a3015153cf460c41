"""What others wrote reaches a log, a collector and a terminal as text: no line of its own, and no escape sequence."""

import json
import re
import socket
import subprocess
import sys
import uuid

import pytest

from api.commands.terminal import print_line, report_findings
from storage.engine.findings import Finding
from tests.builders.commands import anxun
from tests.builders.process import Process
from tests.builders.waiting import PATIENCE

HOSTILE = "a\x1b[2J\x1b]0;title\x07b\r\n2026-11-23 [error] forged\x9b31m\u2028c\u202ed\x00 [red]e[/red] [/f]"
COLOURS = re.compile(r"\x1b\[\d*(;\d+)*m")
LOGS = """
import sys, structlog, logging
from api.process.logs import configure_logs
configure_logs(sys.argv[1])
words = sys.stdin.buffer.read().decode()
structlog.get_logger().warning("one", path=words, why=words)
logging.getLogger("other").warning("two %s", words)
try:
    raise ValueError(words)
except ValueError:
    structlog.get_logger().exception("three")
"""


def write_logs(how):
    done = subprocess.run([sys.executable, "-c", LOGS, how], input=HOSTILE.encode(), capture_output=True, check=True)
    return done.stderr.decode()


def assert_harmless(words):
    """Assert that a terminal would show these words and do nothing else."""
    lines = COLOURS.sub("", words).split("\n")
    assert all(line.isprintable() for line in lines), [line for line in lines if not line.isprintable()]
    assert not any(line.startswith("2026-11-23 [error] forged") for line in lines), lines


def test_a_readable_log_shows_escape_sequences_and_does_not_send_them():
    log = write_logs("lines")
    assert_harmless(log.replace("\n2026-11-23 [error] forged", " "))  # a traceback keeps the lines of a message
    first = next(line for line in log.splitlines() if "one" in line)
    assert "forged" in first


def test_a_json_log_has_one_line_for_each_event_and_keeps_every_character():
    lines = write_logs("json").splitlines()
    assert len(lines) == 3
    for line in lines:
        assert_harmless(line)
    assert json.loads(lines[0])["path"] == json.loads(lines[0])["why"] == HOSTILE
    assert HOSTILE in json.loads(lines[1])["event"]


def test_a_collector_gets_each_event_as_one_line_in_one_datagram(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(PATIENCE)
        process = Process(tmp_path / "data", ANXUN_SYSLOG=f"127.0.0.1:{collector.getsockname()[1]}").start()
        try:
            admin = process.client("admin")
            scopes = [each["scope"] for each in admin.get("/me").json()["grants"]]
            grants = [
                {"role": role, "scope": scope, "until": f"2027-01-{day:02}T00:00:00Z"}
                for role in ("inspector", "officer", "handler") for scope in scopes for day in range(1, 8)
            ]  # fmt: skip
            new = {"username": "han", "name": "韩", "password": "correct horse battery", "grants": grants[:189]}
            assert admin.post("/people", json=new).status_code == 201
            key = {"id": str(uuid.uuid4()), "name": '大屏“\\"<86>1 - -', "scope": scopes[0]}
            assert admin.post("/keys", json={**key, "expires_at": "2027-01-31T00:00:00Z"}).status_code == 201
            admin.close()
            heard = [collector.recv(65536).decode() for _ in range(3)]
        finally:
            process.stop()
    for line in heard:
        assert line.isprintable()
        assert re.match(r"<86>1 \S+ \S+ anxun \d+ security - {", line)
    cut = heard[1][:480]  # what every collector must take (RFC 5424, 6.1)
    assert len(heard[1]) > 4000
    assert '"event":"account.made","by":"admin","about":"han"' in cut
    assert json.loads(heard[2].partition(" security - ")[2])["name"] == key["name"]


def test_words_of_others_are_no_markup_and_no_escape_sequence_at_a_terminal(capsys):
    print_line(HOSTILE)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert_harmless(printed)
    assert "[red]e[/red] [/f]" in printed
    with pytest.raises(SystemExit):
        report_findings([Finding("photo is not what it was", HOSTILE)], "well")
    assert "[/f]" in capsys.readouterr().out


def test_a_name_is_listed_as_text(tmp_path):
    process = Process(tmp_path / "data").start()
    process.stop()
    password = tmp_path / "password"
    password.write_text("correct horse battery")
    given = ("--name", "[bold]李[/bold] [/x]", "--role", "officer:", "--password-file", str(password))
    anxun(process, "user", "add", "li", *given)
    listed = anxun(process, "user", "list")
    assert "[bold]李[/bold] [/x]" in listed
    assert_harmless(listed)


def test_a_command_does_not_print_the_password_of_the_database(tmp_path):
    url = f"sqlite:///{tmp_path}/anxun.db?password=s3cret"
    done = anxun(Process(tmp_path / "data", ANXUN_DATABASE=url), "migrate")
    assert "up to date" in done
    assert "s3cret" not in done


@pytest.mark.parametrize("setting", ["ANXUN_WEBHOOK", "ANXUN_HEARTBEAT"])
def test_a_wrong_address_is_refused_without_its_token(tmp_path, setting):
    given = {setting: "http://user:s3cret@hook.example/robot/t0ken", "ANXUN_WEBHOOK_SECRET": "0123456789abcdef"}
    said = anxun(Process(tmp_path / "data", **given), "serve", code=2)
    assert "s3cret" not in said
    assert "t0ken" not in said
    assert "https://host/" in said

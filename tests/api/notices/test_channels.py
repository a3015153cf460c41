"""Notices leave by signed webhook, SMTP mail and chat robots (apprise); wrong settings are refused at the start."""

import asyncio
import hashlib
import hmac
import json
import socketserver
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
import trustme

from api.http.outbound import OutboundClient, SendFailure
from api.notices.channels import (
    Envelope,
    HazardReference,
    Mail,
    Robots,
    Webhook,
    channel_info,
    error_summary,
    open_channels,
)
from api.settings import BadSettings, Settings, parse_networks
from inspections.hazards.records import State
from storage.engine.failures import MissingDependency
from tests.builders.office import new_id
from tests.builders.sink import sink

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HAZARD = HazardReference(new_id(), "XJ-2026-000001", State.ASSIGNED, 3, "330402009036", "EB-01")
NOTICE = Envelope(new_id(), "assign", NOW, ("zhao",), HAZARD, "新派单", "请及时签收。", ("zhao@example.cn",))
SECRET = "0123456789abcdef"


def deliver(channel, envelope=NOTICE):
    async def story():
        try:
            await channel.deliver(envelope, NOW)
        finally:
            await channel.close()

    asyncio.run(story())


def hook(url):
    return Webhook(url, SECRET, OutboundClient(parse_networks("127.0.0.1")))


def test_a_webhook_is_signed_over_its_time_and_its_bytes():
    with sink() as good:
        deliver(hook(good.url))
    path, headers, body = good.calls[0]
    assert path == "/hook"
    assert headers["Anxun-Timestamp"] == str(int(NOW.timestamp()))
    expected = hmac.new(SECRET.encode(), headers["Anxun-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["Anxun-Signature"] == f"v1={expected}"
    content = json.loads(body)
    assert headers["Anxun-Event"] == content["id"] == str(NOTICE.id)
    assert (content["kind"], content["to"], content["hazard"]["number"]) == ("assign", ["zhao"], "XJ-2026-000001")
    assert "addresses" not in content


@pytest.mark.parametrize("how", [500, 404, 301, (302, "http://127.0.0.1/"), "cut"])
def test_any_response_but_success_is_a_send_failure(how):
    with sink(lambda _: how) as bad, pytest.raises(SendFailure):
        deliver(hook(bad.url))


# mail -------------------------------------------------------------------------------------------------------


class MailHandler(socketserver.StreamRequestHandler):
    """Answers as a small mail server (RFC 5321), with STARTTLS and AUTH PLAIN where the test offers them."""

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self):
        server = self.server
        self.say("220 post")
        while line := self.rfile.readline().decode().strip():
            word = line.upper().split()[0]
            server.lines.append(line)
            if word == "EHLO":
                for each in ("post", *server.offers):
                    self.say(f"250-{each}")
                self.say("250 8BITMIME")
            elif word == "STARTTLS":
                self.say("220 go")
                self.connection = server.context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            elif word == "DATA":
                self.say("354 go")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += self.rfile.readline()
                server.messages.append(message_from_bytes(data[:-5], policy=policy.default))
                self.say("250 kept")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say(server.answers.get(word, "250 ok"))

    def finish(self):
        for each in (self.rfile, self.wfile, self.connection):
            each.close()


@contextmanager
def mail_server(*offers, answers=None, wrapped=False):
    """Runs a mail server; yields it, its port, and an SSL context that trusts its certificate."""
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailHandler)
    server.daemon_threads = True
    server.lines, server.messages, server.offers, server.context = [], [], offers, context
    server.answers = {"AUTH": "235 ok", **(answers or {})}
    if wrapped:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server, server.server_address[1], trust
    finally:
        server.shutdown()
        server.server_close()


def test_mail_is_sent_encrypted_with_the_event_in_its_headers():
    with mail_server("STARTTLS", "AUTH PLAIN") as (server, port, trust):
        deliver(Mail(f"smtp://an%40xun@localhost:{port}", "a-password", "anxun@example.cn", trust))
    (message,) = server.messages
    assert (message["To"], message["From"]) == ("zhao@example.cn", "anxun@example.cn")
    assert message["Subject"] == "【安巡】新派单"
    assert message["Message-ID"] == f"<{NOTICE.id}.zhao@anxun>"
    assert message["Anxun-Event"] == str(NOTICE.id)
    assert message.get_content().strip() == "请及时签收。"
    words = [line.split()[0].upper() for line in server.lines]
    assert words.index("STARTTLS") < words.index("AUTH") < words.index("DATA")


def test_mail_is_sent_over_implicit_tls():
    with mail_server("AUTH PLAIN", wrapped=True) as (server, port, trust):
        deliver(Mail(f"smtps://anxun@localhost:{port}", "a-password", "anxun@example.cn", trust))
    assert len(server.messages) == 1


def test_no_password_is_sent_over_an_unencrypted_connection():
    with mail_server("AUTH PLAIN") as (server, port, trust), pytest.raises(SendFailure, match="STARTTLS"):
        deliver(Mail(f"smtp://anxun@localhost:{port}", "a-password", "anxun@example.cn", trust))
    assert not [line for line in server.lines if line.startswith("AUTH")]
    with mail_server() as (server, port, trust):
        deliver(Mail(f"smtp://localhost:{port}", "", "anxun@example.cn", trust))
    assert len(server.messages) == 1


def test_mail_that_is_refused_or_has_no_address_fails():
    with mail_server(answers={"RCPT": "550 no such person"}) as (_, port, trust), pytest.raises(SendFailure):
        deliver(Mail(f"smtp://localhost:{port}", "", "anxun@example.cn", trust))
    with mail_server("STARTTLS") as (_, port, _), pytest.raises(SendFailure, match="CERTIFICATE"):
        deliver(Mail(f"smtp://localhost:{port}", "", "anxun@example.cn"))
    with pytest.raises(SendFailure):
        deliver(Mail("smtp://localhost:1", "", "anxun@example.cn"))
    nowhere = Envelope(NOTICE.id, "assign", NOW, ("zhao",), HAZARD, "新派单", "…")
    with pytest.raises(SendFailure, match="no address"):
        deliver(Mail("smtp://localhost:1", "", "anxun@example.cn"), nowhere)


# robots -----------------------------------------------------------------------------------------------------


def test_a_robot_gets_the_notice_through_apprise():
    with sink() as good:
        deliver(Robots(f"json://127.0.0.1:{good.port}/group"))
    content = json.loads(good.calls[0][2])
    assert (content["title"], content["message"]) == ("新派单", "请及时签收。")


def test_a_robot_that_refuses_is_a_send_failure():
    with sink(lambda _: 500) as bad, pytest.raises(SendFailure):
        deliver(Robots(f"json://127.0.0.1:{bad.port}/group"))


def test_the_robots_of_three_platforms_are_known_and_others_refused():
    token = "a" * 64
    Robots(
        f"dingtalk://SEC{token[:32]}@{token}/ wecombot://{token[:8]}-1234-1234-1234-{token[:12]}/ lark://{token[:16]}/"
    )
    with pytest.raises(BadSettings, match="ANXUN_ROBOTS"):
        Robots("nonsense://x")


def test_a_robot_without_its_extra_names_the_missing_dependency(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingDependency, match=r"anxun\[notify\]"):
        open_channels(Settings(robots="dingtalk://x"))


# settings ---------------------------------------------------------------------------------------------------


def test_every_configured_channel_is_opened():
    assert open_channels(Settings()) == []
    full = Settings(
        webhook="https://hook.example/x",
        webhook_secret=SECRET,
        intranet="10.0.0.0/8",
        smtp="smtp://anxun@mail.example:587",
        mail_from="anxun@example.cn",
        robots="json://127.0.0.1/",
    )
    opened = open_channels(full)
    assert [channel_info(each) for each in opened] == [("webhook", "event"), ("mail", "mailbox"), ("robots", "group")]
    for each in opened:
        asyncio.run(each.close())


@pytest.mark.parametrize(
    "facts",
    [
        {"webhook": "https://hook.example/x"},
        {"webhook": "https://hook.example/x", "webhook_secret": "short"},
        {"webhook": "ftp://hook.example/x", "webhook_secret": SECRET},
        {"webhook": "https://hook.example/x", "webhook_secret": SECRET, "intranet": "10.0.0.0/99"},
        {"smtp": "http://mail.example", "mail_from": "a@example.cn"},
        {"smtp": "smtp://mail.example:99999", "mail_from": "a@example.cn"},
        {"smtp": "smtp://u:p@mail.example", "mail_from": "a@example.cn"},
        {"smtp": "smtp://mail.example"},
        {"robots": "nonsense://x"},
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_the_start(facts):
    with pytest.raises(BadSettings):
        open_channels(Settings(**facts))


def test_a_failure_is_summarized_in_one_printable_line():
    kept = error_summary(SendFailure("bad\r\n\x00\u2028" + "x" * 500))
    assert len(kept) <= 200
    assert kept.isprintable()

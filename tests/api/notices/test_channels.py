"""Notices leave by signed webhook, SMTP mail; wrong settings are refused at the start."""

import asyncio
import hashlib
import hmac
import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from api.http.outbound import OutboundClient, SendFailure
from api.notices.channels import Mail, Webhook, error_summary, open_channels
from api.notices.envelopes import Envelope, NoticeSubject, channel_info
from api.settings import BadSettings, Settings, parse_networks
from inspections.hazards.records import State
from tests.builders.mail import mail_server
from tests.builders.office import new_id
from tests.builders.sink import sink

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HAZARD = NoticeSubject(new_id(), "XJ-2026-000001", State.ASSIGNED, 3, "330402009036", "EB-01")
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


def test_a_receiver_says_when_it_wants_the_next_event():
    with sink(lambda _: 429) as busy:
        busy.headers = {"Retry-After": "120"}
        with pytest.raises(SendFailure) as failure:
            deliver(hook(busy.url))
    assert failure.value.wait == timedelta(minutes=2)


# mail -------------------------------------------------------------------------------------------------------


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


def test_a_refused_mail_does_not_repeat_the_address_that_is_erased_with_the_account():
    """What the mail server said is logged, and kept with the delivery for good."""
    said = {"RCPT": "550 5.1.1 <Zhao@example.cn>: Recipient address rejected"}
    with mail_server(answers=said) as (_, port, trust), pytest.raises(SendFailure) as failure:
        deliver(Mail(f"smtp://localhost:{port}", "", "anxun@example.cn", trust))
    assert "zhao" not in str(failure.value).lower()
    assert "550" in str(failure.value)


@contextmanager
def talking_server(beginning, forever, pause):
    """Sends a beginning, then the same bytes again and again."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk():
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(beginning)
                while not over.wait(pause):
                    connection.sendall(forever)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("scheme", "beginning", "forever", "pause"),
    [
        ("smtp", b"220-", b"x\r\n220-", 0.0005),
        ("smtp", b"", b"2", 0.05),
        ("smtp", b"220 post\r\n250-", b"post\r\n250-", 0.0005),
        ("smtps", b"\x16\x03\x03\x40\x00", b"\x02", 0.05),
    ],
)
def test_a_mail_server_that_never_ends_its_answer_is_given_up(monkeypatch, scheme, beginning, forever, pause):
    monkeypatch.setattr("api.notices.channels.MAIL_SECONDS", 0.5)
    with talking_server(beginning, forever, pause) as port:
        began = time.monotonic()
        with pytest.raises(SendFailure):
            deliver(Mail(f"{scheme}://localhost:{port}", "", "anxun@example.cn"))
        assert time.monotonic() - began < 8


# settings ---------------------------------------------------------------------------------------------------


def test_every_configured_channel_is_opened():
    assert open_channels(Settings()) == []
    full = Settings(
        webhook="https://hook.example/x",
        webhook_secret=SECRET,
        intranet="10.0.0.0/8",
        smtp="smtp://anxun@mail.example:587",
        mail_from="anxun@example.cn",
        robots="dingtalk://SECx@tok feishu://tok",
    )
    opened = open_channels(full)
    assert [channel_info(each) for each in opened] == [
        ("webhook", "event"),
        ("mail", "mailbox"),
        ("dingtalk-1a7674eb", "group"),
        ("feishu-1a7674eb", "group"),
    ]
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
        {"robots": "lark://x"},
        {"robots": "dingtalk://"},
        {"robots": "dingtalk://x dingtalk://x"},
        {"robots": "feishu://x?server=ftp://inner"},
        {"robots": "https://oapi.dingtalk.com/robot/send?access_token=x"},
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_the_start(facts):
    with pytest.raises(BadSettings):
        open_channels(Settings(**facts))


def test_a_failure_is_summarized_in_one_printable_line():
    kept = error_summary(SendFailure("bad\r\n\x00\u2028" + "x" * 500))
    assert len(kept) <= 200
    assert kept.isprintable()

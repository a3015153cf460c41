"""Runs the installed Mosquitto on a free port for a test, with the settings of docker/mosquitto.conf."""

import getpass
import re
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.builders.cleanup import launch
from tests.builders.waiting import PATIENCE, listens, poll_until

CONFIGURED = Path(__file__).parents[2] / "docker" / "mosquitto.conf"
_OURS = r"^(listener|allow_anonymous|password_file|acl_file|log_dest|persistence_location)\b.*$"


class Broker:
    """Starts, kills and restarts a broker over one folder; without `careful` it is faster but loses more when killed.

    `more`: further lines of its configuration.
    """

    def __init__(self, folder, *, careful=True, more=""):
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.skip("mosquitto is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        folder.mkdir()
        limits = re.sub(_OURS, "", CONFIGURED.read_text(), flags=re.MULTILINE)
        if not careful:
            limits = limits.replace("autosave_on_changes true", "autosave_on_changes false")
        own = (
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence_location {folder}/\n"
            f"log_dest file {folder}/mosquitto.log\nlog_type subscribe\nuser {getpass.getuser()}\n"
        )
        (folder / "mosquitto.conf").write_text(own + more + limits)
        self._log = folder / "mosquitto.log"
        self._command = [program, "-c", str(folder / "mosquitto.conf")]

    def start(self):
        self._process = launch(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        poll_until(lambda: listens(self.port), lambda: "mosquitto does not listen")
        return self

    def has_subscribed(self, session):
        """Tells from the broker's log whether a client has subscribed in this session."""
        return self._log.exists() and f": {session} 1 " in self._log.read_text()

    def end(self, sign):
        self._process.send_signal(sign)
        self._process.wait()


def has_session(port, name):
    """Tells whether the broker keeps a session of this name; the check itself keeps the session."""
    answered, found = threading.Event(), []

    def connected(_client, _userdata, flags, _reason, _properties):
        found.append(flags.session_present)
        answered.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, name, clean_session=False, manual_ack=True)
    client.on_connect = connected
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert answered.wait(PATIENCE)
    client.disconnect()
    client.loop_stop()
    return found[0]


class Publisher:
    """Publishes as a device; when `send` returns, the broker has acknowledged everything."""

    def __init__(self, port, username=None):
        self._acknowledged = threading.Semaphore(0)
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if username is not None:
            self._client.username_pw_set(username, "-")
        self._client.max_inflight_messages_set(1000)
        self._client.on_publish = lambda *_: self._acknowledged.release()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, *publications, retain=False):
        """Publishes (topic, payload) pairs; returns when the broker has acknowledged all of them."""
        for topic, payload in publications:
            self._client.publish(topic, payload, qos=1, retain=retain)
        for _ in publications:
            assert self._acknowledged.acquire(timeout=PATIENCE)

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def subscribed(port, username, topic, hear):
    """Subscribes as this account, whatever the broker answers; calls `hear` with each message."""
    answered = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(username, "-")
    client.on_connect = lambda *_: client.subscribe(topic, 1)
    client.on_subscribe = lambda *_: answered.set()
    client.on_disconnect = lambda *_: answered.set()
    client.on_message = lambda _client, _userdata, message: hear(message)
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert answered.wait(PATIENCE)
    yield
    client.disconnect()
    client.loop_stop()


def die_with_will(port, username, topic, payload):
    """Connects as this account with a last will (MQTT 3.1.1, 3.1.2.5), and breaks the connection off."""
    connected = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(username, "-")
    client.will_set(topic, payload, 1)
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert connected.wait(PATIENCE)
    client.loop_stop()
    client.socket().shutdown(socket.SHUT_RDWR)

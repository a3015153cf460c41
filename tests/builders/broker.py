"""A broker of our own for a test: the installed Mosquitto on a free port, with what docker/mosquitto.conf sets."""

import getpass
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

CONFIGURED = Path(__file__).parents[2] / "docker" / "mosquitto.conf"
_OURS = r"^(listener|allow_anonymous|password_file|acl_file|log_dest|persistence_location)\b.*$"


class Broker:
    """Started, killed and started again over the same folder. Not `careful`: fast, and forgets more if it is killed.

    `more`: lines of its configuration.
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
            f"log_dest none\nuser {getpass.getuser()}\n"
        )
        (folder / "mosquitto.conf").write_text(own + more + limits)
        self._command = [program, "-c", str(folder / "mosquitto.conf")]

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        pytest.fail("mosquitto does not listen")

    def end(self, sign):
        self._process.send_signal(sign)
        self._process.wait()


def waits_for(port, name):
    """Whether the broker keeps a session of this name; looking keeps it."""
    answered, found = threading.Event(), []

    def connected(_client, _userdata, flags, _reason, _properties):
        found.append(flags.session_present)
        answered.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, name, clean_session=False, manual_ack=True)
    client.on_connect = connected
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert answered.wait(10)
    client.disconnect()
    client.loop_stop()
    return found[0]


class Publisher:
    """A device's side: what `send` has counted as acknowledged is the broker's."""

    def __init__(self, port, username=None):
        self._acknowledged = threading.Semaphore(0)
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if username is not None:
            self._client.username_pw_set(username, "-")
        self._client.max_inflight_messages_set(1000)
        self._client.on_publish = lambda *_: self._acknowledged.release()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, *publications):
        """(topic, payload) each; returns when the broker has acknowledged all of them."""
        for topic, payload in publications:
            self._client.publish(topic, payload, qos=1)
        for _ in publications:
            assert self._acknowledged.acquire(timeout=60)

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()

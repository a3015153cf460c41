"""Starts S3 servers for the tests that need them and ends them afterwards.

`radosgw` is Ceph's gateway on a private cluster in memory: it checks signatures, checksums and quotas as a store in
production does. `moto` runs everywhere and accepts any signature: it proves nothing about access.
"""

import secrets
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import obstore
import pytest
from obstore.store import S3Store

from tests.builders.postgres import free_port, server_group
from tests.builders.waiting import PATIENCE

ACCESS_KEY, SECRET_KEY, REGION = "ANXUNTESTS", "a-secret-of-nobody", "us-east-1"

CEPH = """
[global]
fsid = 00000000-0000-0000-0000-000000000001
mon host = [v2:127.0.0.1:{monitor}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = {folder}
crash dir = {folder}
log file = {folder}/$name.log
mon cluster log file = {folder}/cluster.log
keyring = {folder}/no-keyring
mon data = {folder}/monitor
mon data avail crit = 0
mon allow pool size one = true
paxos propose interval = 0.01
paxos min wait = 0.01
objecter tick interval = 0.1
osd data = {folder}/osd
osd objectstore = memstore
osd class load list = *
osd class default list = *
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
rgw data = {folder}/gateway
rgw rados pool pg num min = 1
rgw enable apis = s3
rgw run sync thread = false
rgw frontends = beast endpoint=127.0.0.1:{gateway} tcp_nodelay=1
"""


@dataclass(frozen=True)
class Server:
    """An S3 server: its address, its keys, and an existing empty bucket."""

    endpoint: str
    bucket: str = ""
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION
    ceph: Path | None = None
    """The configuration of the cluster behind it, where there is one."""

    @property
    def environment(self):
        """Returns the environment variables that configure any S3 client."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
        }

    def store(self):
        return S3Store(
            self.bucket,
            endpoint=self.endpoint,
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
            region=self.region,
            client_options={"allow_http": True},
        )

    def with_new_bucket(self):
        """Returns the same server with another bucket."""
        made = replace(self, bucket=f"photos-{secrets.token_hex(6)}")
        made.make_bucket()
        return made

    def make_bucket(self):
        httpx.put(obstore.sign(self.store(), "PUT", "", timedelta(minutes=1)), trust_env=False).raise_for_status()

    def remove_bucket(self):
        httpx.delete(obstore.sign(self.store(), "DELETE", "", timedelta(minutes=1)), trust_env=False).raise_for_status()

    @contextmanager
    def full(self):
        """Refuses every put within the block. Only radosgw has quotas."""
        run_admin(self.ceph, "quota", "set", "--quota-scope=user", "--max-objects=0")
        run_admin(self.ceph, "quota", "enable", "--quota-scope=user")
        try:
            yield
        finally:
            run_admin(self.ceph, "quota", "disable", "--quota-scope=user")


def run_admin(conf, *command):
    run_command("radosgw-admin", "--conf", conf, *command, "--uid=tests")


def run_command(*command):
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)


def is_reachable(endpoint):
    try:
        return httpx.get(endpoint, trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def radosgw():
    """Runs a Ceph cluster of one monitor, one disk in memory and one gateway."""
    programs = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
    if missing := [program for program in programs if not shutil.which(program)]:
        pytest.skip(f"no Ceph: {', '.join(missing)} not installed")
    with server_group("ceph") as group:
        monitor, gateway = free_port(), free_port()
        conf, names = group.folder / "ceph.conf", group.folder / "names"
        conf.write_text(CEPH.format(folder=group.folder, monitor=monitor, gateway=gateway))
        for folder in ("monitor", "osd", "gateway"):
            (group.folder / folder).mkdir()
        run_command("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{monitor}]", names)
        run_command("ceph-mon", "--conf", conf, "--id=a", "--mkfs", "--monmap", names)
        group.start("ceph-mon", "--conf", conf, "--id=a", "-f")
        run_command("ceph", "--conf", conf, "osd", "create")
        run_command("ceph-osd", "--conf", conf, "--id=0", "--mkfs")
        group.start("ceph-osd", "--conf", conf, "--id=0", "-f")
        keys = ("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        run_admin(conf, "user", "create", "--display-name=tests", *keys)
        endpoint = f"http://127.0.0.1:{gateway}"
        group.start("radosgw", "--conf", conf, "--name=client.tests", "-f", ready=lambda: is_reachable(endpoint))
        yield Server(endpoint, ceph=conf)


@contextmanager
def moto():
    """Runs moto in its own process: in ours it would wait for the interpreter lock of the test that waits for it."""
    endpoint = f"http://127.0.0.1:{(port := free_port())}"
    with server_group("moto") as group:
        serve = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
        group.start(*serve, ready=lambda: is_reachable(endpoint))
        yield Server(endpoint)


KINDS = {"radosgw": radosgw, "moto": moto}


@contextmanager
def s3_server(kind):
    """Runs a server of one of the KINDS. Skips the test, visibly, where it is not installed."""
    with KINDS[kind]() as server:
        yield server.with_new_bucket()

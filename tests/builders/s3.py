"""Servers that speak S3, started for the tests that ask for them and gone after them.

`radosgw` is Ceph's gateway on a private cluster in memory: it checks signatures, checksums and quotas as a store in
production does. `moto` answers everywhere and believes everyone: it is no proof of anything about access.
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

from tests.builders.postgres import free_port, household

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
    """Where a store is, who may use it, and a bucket in it that is there and empty."""

    endpoint: str
    bucket: str = ""
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION
    ceph: Path | None = None
    """The configuration of the cluster behind it, where there is one."""

    @property
    def environment(self):
        """What tells any S3 client the same."""
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
        """The same server with another bucket."""
        made = replace(self, bucket=f"photos-{secrets.token_hex(6)}")
        made.make_bucket()
        return made

    def make_bucket(self):
        httpx.put(obstore.sign(self.store(), "PUT", "", timedelta(minutes=1)), trust_env=False).raise_for_status()

    def remove_bucket(self):
        httpx.delete(obstore.sign(self.store(), "DELETE", "", timedelta(minutes=1)), trust_env=False).raise_for_status()

    @contextmanager
    def full(self):
        """Within the block nothing more may be put. Only radosgw knows quotas."""
        admin(self.ceph, "quota", "set", "--quota-scope=user", "--max-objects=0")
        admin(self.ceph, "quota", "enable", "--quota-scope=user")
        try:
            yield
        finally:
            admin(self.ceph, "quota", "disable", "--quota-scope=user")


def admin(conf, *command):
    run("radosgw-admin", "--conf", conf, *command, "--uid=tests")


def run(*command):
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def answers(endpoint):
    try:
        return httpx.get(endpoint, trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def radosgw():
    """One monitor, one disk in memory, one gateway."""
    programs = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
    if missing := [program for program in programs if not shutil.which(program)]:
        pytest.skip(f"no Ceph: {', '.join(missing)} not installed")
    with household("ceph") as house:
        monitor, gateway = free_port(), free_port()
        conf, names = house.folder / "ceph.conf", house.folder / "names"
        conf.write_text(CEPH.format(folder=house.folder, monitor=monitor, gateway=gateway))
        for folder in ("monitor", "osd", "gateway"):
            (house.folder / folder).mkdir()
        run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{monitor}]", names)
        run("ceph-mon", "--conf", conf, "--id=a", "--mkfs", "--monmap", names)
        house.start("ceph-mon", "--conf", conf, "--id=a", "-f")
        run("ceph", "--conf", conf, "osd", "create")
        run("ceph-osd", "--conf", conf, "--id=0", "--mkfs")
        house.start("ceph-osd", "--conf", conf, "--id=0", "-f")
        keys = ("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        admin(conf, "user", "create", "--display-name=tests", *keys)
        endpoint = f"http://127.0.0.1:{gateway}"
        house.start("radosgw", "--conf", conf, "--name=client.tests", "-f", ready=lambda: answers(endpoint))
        yield Server(endpoint, ceph=conf)


@contextmanager
def moto():
    """A process of its own: in ours it would wait for the interpreter lock with the test that waits for it."""
    endpoint = f"http://127.0.0.1:{(port := free_port())}"
    with household("moto") as house:
        serve = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
        house.start(*serve, ready=lambda: answers(endpoint))
        yield Server(endpoint)


KINDS = {"radosgw": radosgw, "moto": moto}


@contextmanager
def s3_server(kind):
    """A server of one of the KINDS. Skips, visibly, where it is not installed."""
    with KINDS[kind]() as server:
        yield server.with_new_bucket()

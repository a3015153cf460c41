"""The files of docker/ work without an engine: the image's own steps, the compose files, the broker and the proxy.

A test whose program is not installed (hadolint, docker compose, mosquitto, caddy) is skipped, visibly.
"""

import contextlib
import getpass
import json
import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import tomllib
import venv
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml
from click import Context

from api.commands.main import commands
from api.settings import Settings, load_settings
from tests.builders.cleanup import launch, marked
from tests.builders.postgres import free_port
from tests.builders.waiting import PATIENCE, poll_until

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
ROOMS = {"inspections", "storage", "api"}
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}")


def instructions():
    """Returns (word, rest) of each instruction of the Dockerfile."""
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [tuple(line.split(None, 1)) for line in text.replace("\\\n", "").splitlines() if line]


def stage(number):
    """Returns the instructions after the `number`th FROM."""
    froms = [index for index, (word, _) in enumerate(instructions()) if word == "FROM"] + [None]
    return instructions()[froms[number] + 1 : froms[number + 1]]


def json_instruction(word):
    """Returns the list, from JSON, of the image's only instruction with this word."""
    (rest,) = (rest for found, rest in stage(1) if found == word)
    return json.loads(rest[rest.index("[") :])


def image_environment(place="/opt/anxun"):
    pairs = (part.split("=", 1) for word, rest in stage(1) if word == "ENV" for part in shlex.split(rest))
    return {name: value.replace("$PATH", "/usr/bin:/bin").replace("/opt/anxun", str(place)) for name, value in pairs}


def compose_files():
    return [path.name for path in sorted(DOCKER.glob("compose*.yaml"))]


def services():
    return [
        pytest.param(service, id=f"{file}-{name}")
        for file in compose_files()
        for name, service in yaml.safe_load((DOCKER / file).read_text())["services"].items()
    ]


def own_services():
    return [service for service in services() if service.values[0]["image"].startswith("anxun:")]


def resolve_variables(text):
    """Fills in variables as compose does: the default, or else a URL or a value long enough for a secret."""

    def value(found):
        made = "https://anxun.example" if found[1].endswith("_URL") else "0" * 32
        return (found[2] == "-" and found[3]) or made

    return VARIABLE.sub(value, text)


@contextlib.contextmanager
def run_process(command, stop=signal.SIGTERM, *, env, **how):
    process = launch(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env | marked(), **how)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(stop)
        process.communicate(timeout=PATIENCE)


def wait_beside(process, happens):
    """Waits, as long as the process lives, until `happens()`."""

    def kill_and_read():
        process.kill()
        return process.communicate()[0][-3000:]

    poll_until(lambda: happens() or process.poll() is not None, kill_and_read)
    assert process.poll() is None, kill_and_read()


def succeeds(command, **how):
    return subprocess.run(command, capture_output=True, check=False, **how).returncode == 0


def find_program(program):
    found = shutil.which(program, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return found or pytest.skip(f"{program} is not installed")


# The image


def copy_sources(words, target):
    *sources, to = words.split()
    for source in sources:
        place = target / to / Path(source).name if to.endswith("/") else target / to
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, place)


def build_image(folder):
    """Follows the stage `build` in an environment with nothing but Python. Returns (installed image, wheel)."""
    image, source, plain = folder / "image", folder / "src", folder / "plain"
    source.mkdir()
    venv.create(plain, with_pip=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ANXUN_", "PYTHON", "VIRTUAL"))}
    environment = clean | {
        "PATH": f"{plain}/bin:/usr/bin:/bin",
        "PIP_COMPILE": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    for word, rest in stage(0):
        if word == "COPY":
            copy_sources(rest, source)
        if word == "RUN":
            step = ["sh", "-ec", rest.replace("/opt/anxun", str(image))]
            done = subprocess.run(step, cwd=source, env=environment, capture_output=True, text=True, check=False)
            if done.returncode and "connection broken by" in done.stderr:
                pytest.skip("no package index can be reached")
            assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (source / "dist").glob("*.whl")
    return image, wheel


def test_the_image_is_built_from_the_wheel_becomes_ready_and_stops_cleanly(tmp_path):
    image, wheel = build_image(tmp_path)
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == ROOMS | {f"anxun-{VERSION}.dist-info"}
    revisions = (ROOT / "storage/migrations/versions").glob("*.py")
    assert {str(path.relative_to(ROOT)) for path in revisions} <= set(names)

    port = free_port()
    here = {"ANXUN_DATA": str(tmp_path / "data"), "ANXUN_PORT": str(port)}
    plain = {"env": image_environment(image) | here, "cwd": tmp_path}
    imported = "import api, inspections, storage, psycopg, obstore; print(api.__file__, inspections.__file__)"
    where = subprocess.run([image / "bin/python", "-Ic", imported], capture_output=True, text=True, check=True, **plain)
    assert all(path.startswith(str(image)) for path in where.stdout.split())

    with run_process(json_instruction("ENTRYPOINT") + json_instruction("CMD"), **plain) as server:
        wait_beside(server, lambda: succeeds(json_instruction("HEALTHCHECK"), **plain))
        assert httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False, timeout=PATIENCE).json() == {
            "status": "live"
        }
    assert server.returncode == 0
    assert not succeeds(json_instruction("HEALTHCHECK"), **plain)


def test_the_build_context_holds_only_the_copied_files():
    lines = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    seen = {line[1:] for line in lines if line.startswith("!")}
    copies = [rest.split()[:-1] for word, rest in stage(0) if word == "COPY"]
    assert seen == {source.split("/")[0] for sources in copies for source in sources}
    assert "*" in lines


def test_the_image_does_not_run_as_root():
    users = [rest for word, rest in stage(1) if word == "USER"]
    assert int(users[-1]) > 0


def test_hadolint_reports_nothing():
    command = [find_program("hadolint"), DOCKER / "Dockerfile"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


# The compose files


@pytest.mark.parametrize(
    "path", sorted(path for path in DOCKER.iterdir() if path.is_file()), ids=lambda path: path.name
)
def test_every_setting_named_in_docker_is_one_of_the_program(path):
    known = {name.upper() for name in Settings.__struct_fields__} | {"CONFIG"}
    assert set(re.findall(r"\bANXUN_(\w+)", path.read_text())) <= known


@pytest.mark.parametrize("service", own_services())
def test_every_service_of_ours_starts_with_settings_and_a_command_that_exist(service):
    given = {name: resolve_variables(value) for name, value in service.get("environment", {}).items()}
    settings = load_settings(image_environment() | given)
    alone = "ANXUN_DATABASE" not in given
    assert settings.database_url.startswith("sqlite:////data/" if alone else "postgresql://anxun:")
    assert settings.photo_location.startswith("/data/" if alone else "s3://")
    word, *options = service.get("command", json_instruction("CMD"))
    commands.get_command(Context(commands), word).make_context(word, options)  # refuses an option that it does not know


@pytest.mark.parametrize("service", services())
def test_every_image_has_a_version_and_ours_the_one_of_the_program(service):
    name, _, tag = service["image"].rpartition(":")
    assert re.match(r"v?\d+\.\d+", tag)
    assert name != "anxun" or tag == VERSION


def test_the_base_image_has_a_version():
    (base,) = (rest for word, rest in instructions() if word == "ARG" and rest.startswith("BASE="))
    assert re.search(r":\d+\.\d+", base)
    assert [rest.split()[0] for word, rest in instructions() if word == "FROM"] == ["${BASE}", "${BASE}"]


def test_the_example_names_every_variable_and_contains_no_secret():
    example = dict(re.findall(r"^(\w+)=(.*)$", (DOCKER / ".env.example").read_text(), re.MULTILINE))
    found = [match for file in compose_files() for match in VARIABLE.findall((DOCKER / file).read_text())]
    assert {name for name, *_ in found} == set(example)
    assert {name for name, how, default in found if not (how == "-" and default)} == {
        name for name, value in example.items() if not value
    }
    assert all(how for _, how, _ in found)


@pytest.mark.parametrize("service", services())
def test_every_service_has_limits_and_drops_its_privileges(service):
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) >= 30
    assert service["mem_limit"]
    assert service["restart"] == ("no" if service.get("command") == ["migrate"] else "unless-stopped")
    assert "healthcheck" in service or service["image"].startswith("anxun:")
    mounted = [volume.split(":")[0] for volume in service.get("volumes", []) if volume.startswith("./")]
    assert all((DOCKER / source).is_file() for source in mounted if source != "./certificates")


@pytest.mark.parametrize("file", compose_files())
def test_compose_reads_the_file_and_names_the_missing_secret(file):
    if not succeeds([find_program("docker"), "compose", "version"]):
        pytest.skip("docker has no compose")
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "DOCKER_CONFIG"}}
    config = ["docker", "compose", "--env-file", "/dev/null", "-f", DOCKER / file, "config", "--quiet"]
    needed = sorted({name for name, how, _ in VARIABLE.findall((DOCKER / file).read_text()) if how == "?"})
    for missing in [*needed, None]:
        given = {name: "0" * 32 for name in needed if name != missing}
        done = subprocess.run(config, env=clean | given, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (missing is None), done.stderr
        assert missing is None or f"{missing} is missing a value: set it in docker/.env" in done.stderr


# The broker


@pytest.fixture
def broker(tmp_path):
    """Returns (start script of compose, healthcheck, arguments of clients), on files of this test."""
    find_program("mosquitto")
    find_program("mosquitto_sub")
    service = yaml.safe_load((DOCKER / "compose.scale.yaml").read_text())["services"]["broker"]
    port = free_port()
    (tmp_path / "data").mkdir()

    def here(text):
        text = text.replace("/tmp/passwords", f"{tmp_path}/passwords").replace("$$", "$")  # noqa: S108  # the container's
        return text.replace("/mosquitto/data", f"{tmp_path}/data").replace("/mosquitto/config", str(tmp_path))

    conf = here((DOCKER / "mosquitto.conf").read_text()).replace("listener 1883", f"listener {port} 127.0.0.1")
    (tmp_path / "mosquitto.conf").write_text(f"{conf}user {getpass.getuser()}\n")
    shutil.copy(DOCKER / "mosquitto.acl", tmp_path)
    health = service["healthcheck"]["test"][1].replace("mosquitto_sub", f"mosquitto_sub -p {port}")
    return here(service["command"][2]), here(health), ["-p", str(port), "-q", "1", "-u"]


def test_the_broker_keeps_acknowledged_messages_after_a_kill(broker, tmp_path):
    script, health, arguments = broker
    secrets = {"env": {"PATH": os.environ["PATH"], "BROKER_PASSWORD": "a", "GATEWAY_PASSWORD": "b"}}
    server = ["mosquitto_sub", *arguments, "anxun", "-P", "a", "-i", "anxun-1", "-c", "-t", "anxun/+/alerts"]
    spy = ["mosquitto_sub", *arguments, "gateway", "-P", "b", "-i", "spy", "-c", "-t", "anxun/#"]
    gateway = ["mosquitto_pub", *arguments, "gateway", "-t", "anxun/smoke-7/alerts", "-m"]
    with run_process(["sh", "-ec", script], signal.SIGKILL, **secrets) as process:
        wait_beside(process, lambda: succeeds(["sh", "-c", health], **secrets))
        for listener in (server, spy):
            subprocess.run([*listener, "-E"], check=True)
        for alert in ("first", "second", "third"):
            subprocess.run([*gateway, alert, "-P", "b"], check=True)
        wait_beside(process, lambda: b"third" in (tmp_path / "data/mosquitto.db").read_bytes())
        assert not succeeds([*gateway, "forged", "-P", "a"])
    with run_process(["sh", "-ec", script], **secrets) as process:
        wait_beside(process, lambda: succeeds(["sh", "-c", health], **secrets))
        kept = subprocess.run([*server, "-C", "3", "-W", str(PATIENCE)], capture_output=True, text=True, check=False)
        overheard = subprocess.run([*spy, "-C", "1", "-W", "1"], capture_output=True, text=True, check=False)
    assert kept.stdout.split() == ["first", "second", "third"]
    assert not overheard.stdout


# The proxy


class Replica(BaseHTTPRequestHandler):
    """Answers a GET with its request headers, and a POST after its whole body; signals when the first bytes arrive."""

    protocol_version = "HTTP/1.1"
    arrived, read = threading.Event(), threading.Event()

    def do_GET(self):
        self.answer(json.dumps(dict(self.headers)).encode())

    def do_POST(self):
        self.rfile.read(8)  # of the chunk's head and its beginning
        self.arrived.set()
        while self.rfile.readline() != b"0\r\n":
            pass
        self.rfile.readline()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        assert self.read.wait(PATIENCE)
        self.wfile.write(b"data: last\n\n")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def replicas():
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Replica) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


def is_ready(client):
    """Tells whether the proxy has its certificate and a replica already."""
    with contextlib.suppress(httpx.TransportError):
        return client.get("/").status_code == 200
    return False


def test_the_proxy_streams_both_ways_names_the_caller_and_survives_a_lost_replica(replicas, tmp_path):
    caddy, port = find_program("caddy"), free_port()
    text = (DOCKER / "Caddyfile").read_text().replace(":8080", f":{free_port()}")
    text = text.replace("admin off", f"admin off\n\thttp_port {free_port()}\n\thttps_port {port}")
    for name, server in zip(("api1:8000", "api2:8000"), replicas, strict=True):
        text = text.replace(name, f"127.0.0.1:{server.server_port}")
    (tmp_path / "Caddyfile").write_text(text)
    authority = tmp_path / "caddy/pki/authorities/local/root.crt"
    places = {"SITE": "localhost", "TLS": "internal", "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}

    def upload():
        yield b"first half"
        assert Replica.arrived.wait(PATIENCE)  # the replica has it, while we hold the other half back
        yield b"other half"

    with run_process([caddy, "run", "--config", tmp_path / "Caddyfile"], env=places) as process:
        wait_beside(process, authority.exists)
        trusted = ssl.create_default_context(cafile=authority)
        with httpx.Client(
            base_url=f"https://localhost:{port}", verify=trusted, trust_env=False, timeout=PATIENCE
        ) as client:
            wait_beside(process, lambda: is_ready(client))
            asked = client.get("/", headers={"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "gopher"}).json()
            assert asked["X-Forwarded-For"] in {"127.0.0.1", "::1"}
            assert asked["X-Forwarded-Proto"] == "https"
            with client.stream("POST", "/", content=upload()) as answer:
                events = answer.iter_raw()
                assert next(events) == b"data: first\n\n"
                Replica.read.set()
                assert next(events) == b"data: last\n\n"
            replicas[0].shutdown()
            replicas[0].server_close()
            assert {client.get("/").status_code for _ in range(8)} == {200}

"""Settings: one frozen Struct, read from the environment (prefix ANXUN_) or a TOML file. Unknown names are refused."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta, Struct

from api.hosts import Host, canonical_name
from inspections.accounts.security_profile import PROFILES, SecurityProfile
from storage.engine.failures import OperatorError

_PREFIX = "ANXUN_"
_TEST_VARIABLES = {"ANXUN_SAMPLES"}
_SECRETS = (
    "demo_password",
    "webhook",
    "webhook_secret",
    "smtp_password",
    "robots",
    "heartbeat",
    "sign_in",
    "mqtt_password",
)
"""Settings that can also be read from a file, named by the setting with the suffix `_file`."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


Network = IPv4Network | IPv6Network


class BadSettings(OperatorError):
    """A setting is unknown or invalid; the message names it."""


class PublicAddress(NamedTuple):
    """The parts of a public URL: the origin as browsers send it, its host, and the path that a proxy removes.

    `prefix`: begins with a slash and does not end with one; empty where the server has the whole host.
    """

    origin: str = ""
    host: Host = Host("")
    prefix: str = ""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of a server. `data`: the data folder; `database` and `photos` are inside it by default.

    `digests`: the folder of the daily history digests, best one that this machine cannot change later.
    `public_url`: the URL under which clients reach this server; without it links have no host, or a loopback name.
    `hosts`: comma-separated further names that a request may have in its Host header.
    `cors`: comma-separated origins whose pages may call the API. `docs`: whether /docs and /schema are served.
    `metrics`: access to /metrics: keys (API keys and administrators), open (everybody) or off.
    `sign_in`: external identity providers (identity_providers.py).
    `uploads_at_once`: concurrent photo uploads of one person, per process.
    `profile`: the security profile (inspections/accounts/security_profile.py).
    `syslog`: a target for the security log: host:port by UDP, or the path of a socket.
    `trusted_proxies`: comma-separated addresses or networks whose X-Forwarded-For and -Proto are trusted.
    `webhook` to `robots`: channels for notices besides the inbox (channels.py). `intranet`: comma-separated private
    networks that a webhook and the heartbeat may use. `heartbeat`: a URL requested every `heartbeat_seconds`, so that
    a monitor notices when this server is down.
    `mqtt`: URL of a broker for device messages. `mqtt_ca`: the CA certificate of the broker (mqtt.py).
    """

    data: str = "anxun-data"
    database: str = ""
    photos: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    demo_password: Annotated[str, Meta(min_length=8)] | None = None
    tick_seconds: Annotated[float, Meta(gt=0, le=60)] = 1.0
    profile: Literal["standard", "strict"] = "standard"
    log: str = "auto"
    syslog: Annotated[str, Meta(pattern=r"\A(/\S+|[^\s/:]+:[0-9]{1,5}|\[[0-9a-f:]+\]:[0-9]{1,5})?\Z")] = ""
    trusted_proxies: str = ""
    digests: str = ""
    webhook: str = ""
    webhook_secret: str = ""
    intranet: str = ""
    smtp: str = ""
    smtp_password: str = ""
    mail_from: str = ""
    robots: str = ""
    sign_in: str = ""
    heartbeat: str = ""
    heartbeat_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    mqtt: str = ""
    mqtt_password: str = ""
    mqtt_ca: str = ""
    cors: Annotated[str, Meta(pattern=r"\A(https?://[^\s/?#,*]+/?(,\s*)?)*\Z")] = ""
    docs: bool = True
    metrics: Literal["keys", "open", "off"] = "keys"
    uploads_at_once: Annotated[int, Meta(ge=1, le=10_000)] = 16
    public_url: Annotated[str, Meta(pattern=r"\A(https?://[^\s/?#]+[^\s?#]*)?\Z")] = ""
    hosts: str = ""

    @property
    def folder(self) -> Path:
        return Path(self.data).absolute()

    @property
    def database_url(self) -> str:
        """The database URL: `sqlite:///path` or `postgresql://…`. Raises BadSettings for anything else."""
        url = self.database or f"sqlite:///{self.folder / 'anxun.db'}"
        if not url.startswith(("sqlite:///", "postgresql://")) or url == "sqlite:///":
            raise BadSettings("ANXUN_DATABASE: sqlite:///path or postgresql://user@host/name")
        return url

    @property
    def photo_location(self) -> str:
        """The photo store: a folder, `s3://bucket` or `s3://bucket/prefix`. Raises BadSettings for anything else."""
        if "://" not in self.photos:
            return str(Path(self.photos).absolute() if self.photos else self.folder / "photos")
        scheme, _, bucket = self.photos.partition("://")
        if scheme != "s3" or not bucket.partition("/")[0]:
            raise BadSettings("ANXUN_PHOTOS: a folder, or s3://bucket/prefix")
        return self.photos.rstrip("/")

    @property
    def trusted_networks(self) -> list[Network]:
        """The parsed networks of `trusted_proxies`. Raises BadSettings."""
        try:
            return parse_networks(self.trusted_proxies)
        except ValueError as error:
            raise BadSettings(f"ANXUN_TRUSTED_PROXIES: {error}") from error

    @property
    def public_address(self) -> PublicAddress:
        """The parts of `public_url`, which are empty without one. Raises BadSettings."""
        return _parse_public_url(self.public_url) if self.public_url else PublicAddress()

    @property
    def host_names(self) -> frozenset[str]:
        """The names in `public_url` and `hosts`; empty where requests may have any name. Raises BadSettings."""
        try:
            more = [canonical_name(each.strip()) for each in self.hosts.split(",") if each.strip()]
        except ValueError as error:
            raise BadSettings(f"ANXUN_HOSTS: {error}") from error
        return frozenset(filter(None, (*more, self.public_address.host.name)))

    @property
    def security_profile(self) -> SecurityProfile:
        return PROFILES[self.profile]

    @property
    def digest_folder(self) -> Path:
        return Path(self.digests).absolute() if self.digests else self.folder / "digests"

    @property
    def incoming_folder(self) -> Path:
        """The folder of temporary files, such as photos on their way to S3; a restart does not need them."""
        return self.folder / "incoming"


@lru_cache(maxsize=16)
def _parse_public_url(url: str) -> PublicAddress:
    try:
        parts = urlsplit(url)
        port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else str(parts.port)
        host = Host(canonical_name(parts.netloc if "@" in parts.netloc else parts.hostname or ""), port)
    except ValueError as error:
        raise BadSettings(f"ANXUN_PUBLIC_URL: {error}") from error
    folders = [quote(each, safe="%:@!$&()*+,;=~") for each in parts.path.split("/") if each]
    return PublicAddress(f"{parts.scheme}://{host}", host, "".join(f"/{each}" for each in folders))


def parse_networks(words: str) -> list[Network]:
    """Parses comma-separated networks or addresses. Raises ValueError."""
    return [ip_network(each.strip()) for each in words.split(",") if each.strip()]


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Loads the settings of the TOML file in ANXUN_CONFIG, overridden by `environment`. Raises BadSettings."""
    given = {
        name.removeprefix(_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(_PREFIX) and name not in _TEST_VARIABLES
    }
    config = given.pop("config", None)
    try:
        from_file: dict[str, Any] = tomllib.loads(Path(config).read_text()) if config else {}
        return msgspec.convert(_read_secrets({**from_file, **given}), Settings, strict=False)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError, OSError) as error:
        raise BadSettings(f"settings: {error}") from error


def _read_secrets(given: dict[str, Any]) -> dict[str, Any]:
    """Reads secrets from files. Raises BadSettings for a secret given in both ways, OSError for an unreadable file."""
    files = {name: given.pop(f"{name}_file") for name in _SECRETS if f"{name}_file" in given}
    if both := sorted(files.keys() & given.keys()):
        raise BadSettings(f"settings: {both[0]} is given as itself and as a file")
    return given | {name: Path(path).read_text().strip() for name, path in files.items()}


class CommandError(OperatorError):
    """A command cannot do what it was asked; the message says why."""

"""Settings: one frozen Struct from the environment (prefix ANXUN_) or a TOML file. Unknown names are refused."""

import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from inspections.accounts.security_profile import PROFILES, Profile
from storage.engine.failures import Unready

_PREFIX = "ANXUN_"
_OF_TESTS = {"ANXUN_SAMPLES"}
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
"""May also be given as the name of a file that holds them, with `_file` behind the setting's own name."""


Network = IPv4Network | IPv6Network


class BadSettings(Unready):
    """A setting that is unknown or does not fit; says which."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`data`: the folder of the embedded default. `database` and `photos` default to places inside it.

    `digests`: the folder of the daily digests of all histories; best one that this machine cannot change.
    `public_url`: how phones reach this server, for addresses that go out on paper; as the request came, without it.
    `cors`: origins, with commas, whose pages may ask this server. `docs`: whether /docs and /schema are there.
    `metrics`: who reads /metrics: keys of programs and administrators, everybody, nobody.
    `sign_in`: who else says who somebody is (identity_providers.py).
    `uploads_at_once`: bodies with photos that one person may send side by side, to each process.
    `profile`: what is asked of whoever signs in (inspections/accounts/security_profile.py).
    `syslog`: where the security log also goes: host:port by UDP, or the path of a socket.
    `trusted_proxies`: addresses or networks, with commas, whose X-Forwarded-For and -Proto are believed.
    `webhook` to `robots`: where notices go besides the inboxes (channels.py); `intranet`: networks, with commas, to
    which a webhook and the heartbeat may lead though they are not public. `heartbeat`: an address that is asked for
    every so many seconds, so that whoever listens there notices our silence.
    `mqtt`: a broker that devices speak to, as whom, and `mqtt_ca` the file of who vouches for it (mqtt.py).
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

    @property
    def folder(self) -> Path:
        return Path(self.data).absolute()

    @property
    def database_url(self) -> str:
        """`sqlite:///path` or `postgresql://…`. Raises BadSettings for anything else."""
        url = self.database or f"sqlite:///{self.folder / 'anxun.db'}"
        if not url.startswith(("sqlite:///", "postgresql://")) or url == "sqlite:///":
            raise BadSettings("ANXUN_DATABASE: sqlite:///path or postgresql://user@host/name")
        return url

    @property
    def photo_place(self) -> str:
        """A folder, or `s3://bucket` or `s3://bucket/prefix`. Raises BadSettings for anything else."""
        if "://" not in self.photos:
            return str(Path(self.photos).absolute() if self.photos else self.folder / "photos")
        scheme, _, bucket = self.photos.partition("://")
        if scheme != "s3" or not bucket.partition("/")[0]:
            raise BadSettings("ANXUN_PHOTOS: a folder, or s3://bucket/prefix")
        return self.photos.rstrip("/")

    @property
    def trusted(self) -> list[Network]:
        """The networks of `trusted_proxies`. Raises BadSettings."""
        try:
            return networks(self.trusted_proxies)
        except ValueError as error:
            raise BadSettings(f"ANXUN_TRUSTED_PROXIES: {error}") from error

    @property
    def asks(self) -> Profile:
        return PROFILES[self.profile]

    @property
    def digest_folder(self) -> Path:
        return Path(self.digests).absolute() if self.digests else self.folder / "digests"

    @property
    def scratch(self) -> Path:
        """Where photos come in when they are kept in S3: nothing that a restart needs."""
        return self.folder / "incoming"


def networks(words: str) -> list[Network]:
    """Networks or addresses, with commas. Raises ValueError."""
    return [ip_network(each.strip()) for each in words.split(",") if each.strip()]


def load(environment: Mapping[str, str]) -> Settings:
    """Settings from `environment`, over those of the TOML file that ANXUN_CONFIG names. Raises BadSettings."""
    given = {
        name.removeprefix(_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(_PREFIX) and name not in _OF_TESTS
    }
    config = given.pop("config", None)
    try:
        from_file: dict[str, Any] = tomllib.loads(Path(config).read_text()) if config else {}
        return msgspec.convert(_read_secrets({**from_file, **given}), Settings, strict=False)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError, OSError) as error:
        raise BadSettings(f"settings: {error}") from error


def _read_secrets(given: dict[str, Any]) -> dict[str, Any]:
    """Raises BadSettings for a secret that is given in both ways, OSError for a file that cannot be read."""
    files = {name: given.pop(f"{name}_file") for name in _SECRETS if f"{name}_file" in given}
    if both := sorted(files.keys() & given.keys()):
        raise BadSettings(f"settings: {both[0]} is given as itself and as a file")
    return given | {name: Path(path).read_text().strip() for name, path in files.items()}


class Unfit(Unready):
    """What was asked for at the machine cannot be done; says why."""

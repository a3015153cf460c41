"""Photos in a bucket of an S3 store, by obstore. Access is configured by the AWS_… variables of every S3 tool."""
# obstore's types mention Arrow tables, of a library that is not installed:
# pyright: reportUnknownMemberType=false

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from inspections.errors import Missing, Unavailable
from storage.engine.failures import Unready
from storage.photos.incoming import Aside, DiskFull, Incoming
from storage.photos.names import Stored

_CONNECT = timedelta(seconds=3)
_ANSWER = timedelta(seconds=15)
_RETRIES = 2
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class NoBucket(Unready):
    """The bucket cannot be used: it does not exist, is unreachable, or access is denied. The message says which."""


@contextmanager
def _asking_the_bucket() -> Generator[None]:
    """Translates errors of the store into refusals: Missing, DiskFull, or Unavailable for anything else."""
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise Unavailable from error
        raise Missing("photo") from None
    except BaseError as error:
        if "QuotaExceeded" in str(error):
            raise DiskFull from error
        raise Unavailable from error


class PhotoBucket:
    """Implements PhotoStore over s3://bucket/prefix. Photos come in through the local folder `scratch`.

    Every request signs the digest of its body, so the store refuses bytes that changed on the way. Raises BucketError,
    so that a server with a wrong bucket does not start.
    """

    def __init__(self, place: str, scratch: Path) -> None:
        _check_access()
        where = urlsplit(place)
        self._aside = Aside(scratch)
        self._store = S3Store(
            where.netloc,
            prefix=where.path.strip("/") or None,
            client_options={"connect_timeout": _CONNECT, "timeout": _ANSWER, "allow_http": _without_tls()},
            retry_config={"max_retries": _RETRIES, "retry_timeout": _ANSWER},
        )
        try:
            obstore.list_with_delimiter(self._store)
        except (BaseError, FileNotFoundError) as error:
            raise NoBucket(f"{place}: {str(error).splitlines()[0]}") from error

    def receive(self) -> Incoming:
        return self._aside.receive()

    def keep(self, incoming: Incoming, name: str) -> None:
        incoming.flush()
        self._put(name, incoming.path)

    def put(self, name: str, picture: bytes) -> None:
        self._put(name, picture)

    def _put(self, name: str, content: Path | bytes) -> None:
        with _asking_the_bucket():
            obstore.put(self._store, name, content, use_multipart=False)  # one request leaves no parts over

    def read(self, name: str, first: int = 0, length: int | None = None) -> bytes:
        with _asking_the_bucket():
            if length is None:
                return bytes(obstore.get(self._store, name).bytes())[first:]
            return bytes(obstore.get_range(self._store, name, start=first, length=length))

    def stored(self) -> Iterator[Stored]:
        with _asking_the_bucket():
            for batch in obstore.list(self._store):
                yield from (Stored(each["path"], each["last_modified"]) for each in batch)

    def move(self, name: str, to: str) -> None:
        with suppress(Missing), _asking_the_bucket():
            obstore.rename(self._store, name, to)

    def remove(self, name: str) -> None:
        with _asking_the_bucket():
            obstore.delete(self._store, name)


def _without_tls() -> bool:
    return os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"true", "1"}


def _check_access() -> None:
    """Requires access keys: without them obstore asks a cloud's metadata service, which no office's intranet has."""
    if absent := [name for name in _KEYS if not os.environ.get(name)]:
        raise NoBucket(f"photos in S3 need {' and '.join(absent)}")
    for name in _ENDPOINTS:
        address = urlsplit(os.environ.get(name, "http://unset"))
        if address.scheme not in {"http", "https"} or not address.netloc:
            raise NoBucket(f"{name} is no address: http://host:port or https://host")

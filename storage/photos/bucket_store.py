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

from inspections.errors import NotFound, Unavailable
from storage.engine.failures import OperatorError
from storage.photos.incoming import DiskFull, IncomingFile, IncomingFolder
from storage.photos.names import StoredFile

_CONNECT_TIMEOUT = timedelta(seconds=3)
_RESPONSE_TIMEOUT = timedelta(seconds=15)
_RETRIES = 2
_ACCESS_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class BucketError(OperatorError):
    """The bucket cannot be used: it does not exist, is unreachable, or access is denied. The message says which."""


@contextmanager
def _translate_bucket_errors() -> Generator[None]:
    """Translates errors of the store into refusals: Missing, DiskFull, or Unavailable for anything else."""
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise Unavailable from error
        raise NotFound("photo") from None
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
        self._incoming_folder = IncomingFolder(scratch)
        self._store = S3Store(
            where.netloc,
            prefix=where.path.strip("/") or None,
            client_options={
                "connect_timeout": _CONNECT_TIMEOUT,
                "timeout": _RESPONSE_TIMEOUT,
                "allow_http": _allows_http(),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _RESPONSE_TIMEOUT},
        )
        try:
            obstore.list_with_delimiter(self._store)
        except (BaseError, FileNotFoundError) as error:
            raise BucketError(f"{place}: {str(error).splitlines()[0]}") from error

    def open_incoming_file(self) -> IncomingFile:
        return self._incoming_folder.open_file()

    def save(self, incoming: IncomingFile, name: str) -> None:
        incoming.flush()
        self._upload(name, incoming.path)

    def save_preview(self, name: str, picture: bytes) -> None:
        self._upload(name, picture)

    def _upload(self, name: str, content: Path | bytes) -> None:
        with _translate_bucket_errors():
            obstore.put(self._store, name, content, use_multipart=False)  # one request leaves no parts over

    def read(self, name: str, first: int = 0, length: int | None = None) -> bytes:
        with _translate_bucket_errors():
            if length is None:
                return bytes(obstore.get(self._store, name).bytes())[first:]
            return bytes(obstore.get_range(self._store, name, start=first, length=length))

    def list_files(self) -> Iterator[StoredFile]:
        with _translate_bucket_errors():
            for batch in obstore.list(self._store):
                yield from (StoredFile(each["path"], each["last_modified"]) for each in batch)

    def move(self, name: str, to: str) -> None:
        with suppress(NotFound), _translate_bucket_errors():
            obstore.rename(self._store, name, to)

    def remove(self, name: str) -> None:
        with _translate_bucket_errors():
            obstore.delete(self._store, name)


def _allows_http() -> bool:
    return os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"true", "1"}


def _check_access() -> None:
    """Requires access keys: without them obstore asks a cloud's metadata service, which no office's intranet has."""
    if absent := [name for name in _ACCESS_VARIABLES if not os.environ.get(name)]:
        raise BucketError(f"photos in S3 need {' and '.join(absent)}")
    for name in _ENDPOINT_VARIABLES:
        address = urlsplit(os.environ.get(name, "http://unset"))
        if address.scheme not in {"http", "https"} or not address.netloc:
            raise BucketError(f"{name} is no address: http://host:port or https://host")

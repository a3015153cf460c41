"""The headers of resumable uploads: those of requests as documents and handlers need them, read and checked."""

import base64
import binascii
import hashlib
import re
from typing import Any, NamedTuple

from api.http.bodies import AnyRequest
from api.http.problems import BodyTooLarge, UnparsableBody, WrongVersion
from inspections.photos.records import PHOTO_BYTES

VERSION = "1.0.0"
ALGORITHMS = ("sha1", "sha256", "md5")
_METADATA_BYTES = 4096
_DIGITS = re.compile(r"\d{1,15}\Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_COUNT = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
_CHECKSUM = {"type": "string", "pattern": f"^({'|'.join(ALGORITHMS)}) (?:[A-Za-z0-9+/]{{4}}){{1,16}}$"}
_METHODS = {"type": "string", "pattern": "^(PATCH|HEAD|DELETE)$"}  # generators of clients take no enum in a header
TUS_HEADERS = (
    ("Tus-Resumable", True, "Always 1.0.0: the version of the protocol.", {"type": "string", "pattern": r"^1\.0\.0$"}),
)
CREATION_HEADERS = (
    *TUS_HEADERS,
    ("Upload-Length", True, "The length of the photo in bytes.", {**_COUNT, "minimum": 1, "maximum": PHOTO_BYTES}),
    (
        "Upload-Metadata",
        False,
        "Pairs of a key and a value in Base64; `sha256` announces the digest of the photo.",
        {"type": "string"},
    ),
    ("Upload-Checksum", False, "An algorithm (sha1, sha256, md5) and the digest of the body in Base64.", _CHECKSUM),
)
APPEND_HEADERS = (
    *TUS_HEADERS,
    ("Upload-Offset", True, "How many bytes have arrived before this body.", _COUNT),
    ("Upload-Checksum", False, "An algorithm (sha1, sha256, md5) and the digest of the body in Base64.", _CHECKSUM),
)
OVERRIDE_HEADERS = (
    *TUS_HEADERS,
    ("X-HTTP-Method-Override", True, "PATCH, HEAD or DELETE: the method that is meant.", _METHODS),
    ("Upload-Offset", False, "How many bytes have arrived before this body, for PATCH.", _COUNT),
)
"""Headers of an operation: name, whether it must be there, meaning, schema."""


class Checksum(NamedTuple):
    """The hasher of a body, and the digest that the body must have."""

    hasher: Any
    expected: bytes


def check_version(request: AnyRequest) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise WrongVersion


def number_header(request: AnyRequest, header: str) -> int:
    if not (found := _DIGITS.match(request.headers.get(header, ""))):
        raise UnparsableBody(f"缺少请求头 {header}，或不是数字")
    return int(found.group())


def metadata_sha256(metadata: str) -> str | None:
    """The sha-256 in the metadata (`key base64,key base64 …`); None where the client announced none."""
    if len(metadata) > _METADATA_BYTES:
        raise BodyTooLarge(limit=_METADATA_BYTES)
    values: dict[str, str] = {}
    for pair in filter(None, metadata.split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            values[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise UnparsableBody("请求头 upload-metadata 无法解析") from None
    promised = values.get("sha256")
    if promised is not None and not _DIGEST.match(promised):
        raise UnparsableBody("请求头 upload-metadata 中的 sha256 无法解析")
    return promised


def parse_checksum(request: AnyRequest) -> Checksum | None:
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, value = header.partition(" ")
    if algorithm not in ALGORITHMS:
        raise UnparsableBody(f"校验算法须为 {'、'.join(ALGORITHMS)} 之一")
    try:
        promised = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise UnparsableBody("请求头 upload-checksum 无法解析") from None
    return Checksum(hashlib.new(algorithm, usedforsecurity=False), promised)

"""Builds the load generator's requests, in which it replaces TOKEN by a new UUID, also inside photos."""

import json
from pathlib import Path
from typing import Any

TOKEN = "TOKENTOK-ENTO-KENT-OKEN-TOKENTOKENTO"
PHOTOS_EACH = 3
PLACES = 50
_BOUNDARY = "anxun-benchmark-boundary"
_MULTIPART = f"multipart/form-data; boundary={_BOUNDARY}"


def request(path: str, content_type: str, body: bytes, bearer: str | None) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    ]
    if bearer:
        lines.append(f"Authorization: Bearer {bearer}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def json_request(path: str, body: dict[str, Any], bearer: str | None = None) -> bytes:
    return request(path, "application/json", json.dumps(body, ensure_ascii=False).encode(), bearer)


def form_request(
    path: str, texts: dict[str, str], photo_field: str, photos: list[Path], bearer: str | None = None
) -> bytes:
    parts = [_part(f'name="{name}"', value.encode()) for name, value in texts.items()]
    for photo in photos:
        described = f'name="{photo_field}"; filename="{photo.name}"\r\nContent-Type: image/jpeg'
        parts.append(_part(described, photo.read_bytes()))
    return request(path, _MULTIPART, b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode(), bearer)


def _part(described: str, data: bytes) -> bytes:
    return f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {described}\r\n\r\n".encode() + data + b"\r\n"


def groups_of_three(photos: list[Path]) -> list[list[Path]]:
    """Groups the photos by three, one group per report."""
    return [photos[at : at + PHOTOS_EACH] for at in range(0, len(photos), PHOTOS_EACH)]


def anxun_report(place: int, **more: Any) -> dict[str, Any]:
    return {
        "id": TOKEN,
        "community": "330402009036",
        "category": "EB-01",
        "description": "楼梯间给电动车充电，电线从二楼窗口拉下",
        "place": f"3幢{place}单元",
        "quantity": 1,
        "found_at": "2026-11-23T09:00:00+08:00",
        **more,
    }


def rival_report(place: int) -> dict[str, Any]:
    return {
        "community_id": place,
        "category": "EB-01",
        "severity": 2,
        "description": "楼梯间给电动车充电，电线从二楼窗口拉下",
        "lat": 30.7622,
        "lon": 120.7511,
    }


def write_files(folder: Path, kind: str, requests: list[bytes]) -> list[Path]:
    """Writes each request to its own file for the load generator."""
    files = [folder / f"{kind}-{number:02d}.http" for number in range(len(requests))]
    for file, message in zip(files, requests, strict=True):
        file.write_bytes(message)
    return files

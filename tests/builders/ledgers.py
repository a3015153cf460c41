"""Reads the CSV ledger as a client does."""

import base64
import csv
import hashlib
import io


def read_ledger(api, who="officer", **query):
    """Downloads the ledger; returns its lines as dicts after checking its digest."""
    answer = api.get(who, "/ledger.csv", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["content-digest"] == f"sha-256=:{digest}:"
    lines = parse_ledger_file(answer.content)
    assert answer.headers["anxun-lines"] == str(len(lines))
    return lines


def parse_ledger_file(content):
    assert content.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    return [dict(zip(head, row, strict=True)) for row in rows]

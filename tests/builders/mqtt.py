"""A broker, and whoever publishes there."""

import json
import time

from tests.builders.signed_alerts import ALARM


def until(true, seconds=60, what=lambda: "nothing"):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what()
        time.sleep(0.02)


def alarm(device="A-1", **fields):
    return f"anxun/{device}/alerts", json.dumps(ALARM | fields).encode()


def _publish(publisher, names, first, number):
    for begin in range(first, first + number, 100):
        batch = range(begin, min(begin + 100, first + number))
        valid = [alarm(names[at % len(names)], id=str(at), value=400 + at % 99) for at in batch]
        publisher.send(*(each for said in valid for each in (said, (said[0], b"\x00garbage"))))

"""Builds alarms for MQTT, publishes them and waits for their effect."""

import json

from tests.builders.signed_alerts import ALARM


def alarm(device="A-1", **fields):
    return f"anxun/{device}/alerts", json.dumps(ALARM | fields).encode()


def publish_batches(publisher, names, first, number):
    for begin in range(first, first + number, 100):
        batch = range(begin, min(begin + 100, first + number))
        valid = [alarm(names[at % len(names)], id=str(at), value=400 + at % 99) for at in batch]
        publisher.send(*(each for message in valid for each in (message, (message[0], b"\x00garbage"))))

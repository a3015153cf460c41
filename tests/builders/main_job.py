"""What the main job waits for."""

import time


def sign_in(api, username):
    sent = {"username": username, "password": "a-password-for-Tests", "device": "story"}
    return api.post(None, "/auth/login", sent).json()["access_token"]


def wait_for(ask, seconds=10):
    until = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
    return found

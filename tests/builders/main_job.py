"""Signs people in anew, for stories that outlast a token."""


def sign_in(api, username):
    sent = {"username": username, "password": "a-password-for-Tests", "device": "story"}
    return api.post(None, "/auth/login", sent).json()["access_token"]

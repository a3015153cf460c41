"""Sign-in: passwords, second factors, identities at providers, tokens.

- `authentication`: sign-in by password, sessions, and the tokens of requests
- `identity_providers`: clients of the identity providers WeChat and 浙政钉
- `password_queue`: compares and hashes passwords on one thread, those of known devices first
- `totp`: codes of authenticator apps (TOTP)
"""

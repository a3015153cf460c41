"""People and programs over HTTP: accounts, sign-in, devices, keys, delegations, the security log.

- `api_keys`: keys for programs, by an administrator: made, listed, given a new secret, revoked
- `authentication`: token → person; the one guard of every route
- `cookies`: tokens of our own pages, in cookies; no other site uses them
- `delegations`: delegations: a supervisor lends their role for a period
- `devices`: devices that are signed in: one's own, and for an administrator those of an account of theirs
- `external_identities`: sign-in by somebody else's word: with a code of WeChat or 浙政钉, for accounts whose owners
  have linked them
- `identity_providers`: WeChat and 浙政钉: whose a code is
- `people`: accounts: who can be assigned; an administrator makes and changes them
- `second_factor`: a second factor over HTTP: begun, confirmed, taken away
- `security_events`: the security log over HTTP: for who audits
- `security_log`: keeps lines of the security log, then sends them on
- `sessions`: sign-in routes: /auth/login, /auth/refresh, /auth/password, /auth/logout, /me
- `totp`: what an authenticator app shows
- `views`: people, tokens and delegations as JSON
"""

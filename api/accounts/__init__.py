"""HTTP routes for accounts, sign-in, devices, API keys, delegations and the security log.

- `admin_requests`: routes for requests to change an administrator's account: list, confirm, reject
- `api_keys`: routes for API keys: create, list, rotate, revoke
- `cookies`: cookies for the tokens of our own pages, protected against cross-site use
- `delegations`: routes for delegations: create, list, revoke
- `devices`: routes for signed-in devices: own ones, and those of accounts that an administrator manages
- `external_identities`: sign-in with a code of WeChat or 浙政钉, and routes to link and unlink these identities
- `guard`: the guard of every route: sign-in, permission and query of each request
- `people`: routes for accounts: list, read, create, change
- `second_factor`: routes for the second factor: enroll, confirm, remove
- `security_events`: the route that lists the security log, for auditors
- `security_log`: writes the security log, then forwards each line to syslog
- `sessions`: routes for sign-in: /auth/login, /auth/refresh, /auth/password, /auth/logout, /me
- `views`: people, tokens and delegations as JSON
"""

"""Accounts of people and programs: roles, permissions, sign-in and the security log.

- `admin_requests`: requests to change an administrator's account, which another administrator confirms
- `api_keys`: API keys for programs: scope, expiry, and two secrets that are valid during a rotation
- `decision_links`: links in notices by which one person decides one request without signing in
- `delegations`: delegations: one account lends its role to another for a period
- `external_identities`: links between accounts and their identities at WeChat and 浙政钉, and exchanged codes
- `known_devices`: devices on which the owner of an account has signed in before
- `people`: roles, grants with their periods, persons, and the request bodies that create and change accounts
- `policy`: the permission table, role × action × scope, for routes, steps and queries
- `repository`: the queries that actions of this subject need from a store
- `second_factor`: authenticator app codes and recovery codes, and how they are checked
- `security_log`: the events of the security log, their fields and their retention
- `security_profile`: sign-in requirements: the standard profile, and the strict one for 等保
- `sessions`: signed-in devices and their token pairs: validity, renewal and detection of stolen tokens
- `throttling`: rate limits and the backoff after wrong passwords
"""

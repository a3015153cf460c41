"""Storage of accounts, sessions, API keys, delegations and the security log.

- `append_only_triggers`: database triggers that reject changes of the security log, and deletions within 180 days
- `queries`: the queries for accounts, delegations, sessions and tokens
- `repository`: the queries of the domain for this subject, over one connection
- `scopes`: the communities of a scope as a WHERE clause
- `security_log`: reads the security log in pages
- `tables`: the tables of accounts, API keys, sessions, tokens and the security log
"""

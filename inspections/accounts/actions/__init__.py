"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `admin_requests`: make, list, confirm and reject requests to change an administrator's account
- `api_keys`: create, rotate, revoke and use API keys
- `delegations`: create, list and revoke delegations
- `external_identities`: link and unlink external identities, find the account of one, keep and take exchanged codes
- `people`: create and change accounts, within the scope of the administrator
- `revocation`: the rule for which sessions and linked identities end with a reset
- `second_factor`: enroll, confirm and remove a second factor
- `security_log`: write security events in the transaction of the action they describe
- `sessions`: list the signed-in devices of an account, and sign them out one by one or all at once
- `sign_in`: open, renew and end sessions, count password attempts, and change passwords
"""

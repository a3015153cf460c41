"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `api_keys`: made, renewed, revoked, used
- `delegations`: a supervisor lends their role, and takes it back
- `external_identities`: linked by who shows who they are, unlinked, found again
- `people`: an administrator makes and changes accounts, within their own scope
- `revocation`: ONE rule: which sessions and linked identities end with a reset
- `second_factor`: begun, confirmed, taken away
- `security_log`: a line with what it is about, in one transaction
- `sessions`: devices of an account: listed, cut off one by one or all at once
- `sign_in`: open, renew and end sessions; passwords tried and changed
"""

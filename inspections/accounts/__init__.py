"""People and programs: who they are, what they may do, how they sign in, what is logged of it.

- `api_keys`: keys for programs: a scope, an end, two live secrets
- `delegations`: a role lent for a period: who holds what thanks to whom
- `external_identities`: names of accounts at WeChat and 浙政钉
- `people`: roles, grants and when they count, persons, sessions; what makes and changes an account
- `policy`: ONE table: role × action × reach; routes, steps and queries ask it
- `repository`: what actions of this subject may ask of a store
- `second_factor`: codes of an authenticator app, recovery codes, and what each is good for
- `security_log`: what a line of the security log says, and how long it is kept
- `security_profile`: what is asked of whoever signs in: standard, or strict for 等保; masks
- `sessions`: a device and the family of its tokens: which are good, what the first use of one means for the others
- `throttling`: how often somebody may knock, and how soon after a wrong password
"""

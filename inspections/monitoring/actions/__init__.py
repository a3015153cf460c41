"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `alerts`: messages are folded into alerts; an alarm opens a case
- `broker_leases`: workers take places at the broker, and empty those that were left behind
- `devices`: devices are registered, changed, worked on, noticed to be silent, given new secrets
"""

"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `alerts`: folds device messages into alerts; an alarm opens a case
- `broker_leases`: acquires, renews and releases broker leases, and takes over expired ones
- `cases`: opens the cases of alarms, and adds the pictures of their devices
- `devices`: registers and changes devices, plans maintenance, detects silent devices, rotates secrets
- `faults`: counts the faults of devices; an unreadable alarm notifies the officers once a day
"""

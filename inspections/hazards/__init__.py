"""The hazard itself: its record, states, deadlines and history.

- `contact_masking`: decides who sees a responsible party's full contact data, and masks it for others
- `deadlines`: computes deadlines and times of checks; the table of clocks; escalation ladders
- `duplicates`: finds earlier reports that may describe the same hazard
- `history`: appends, erases and verifies the hash-chained lines of a hazard's history
- `lifecycle`: the state machine: one table of which step leads from which state to which
- `measures`: the statistics measures a hazard counts for, each on one day
- `records`: the hazard, its history entries and their parts: frozen values
- `repository`: the queries that actions of this subject need from a store
"""

"""The steps from report to closure: accept, assign, fix, re-check, decide, merge, escalate.

- `dispatch_rules`: rules that assign hazards of a place and category automatically
- `fix_origins`: where a fix by a link was sent from, as keyed digests, compared with its re-check
- `pending_decisions`: what waits for a supervisor's decision: who asked for what, since when, and the deadlines
- `phone_clocks`: times and points of a phone that cannot be so: what is kept, and a note of what was sent
- `recheck_sample`: selects the fixes on the spot that need a re-check: suspicious ones and a random sample
- `repository`: the queries that actions of this subject need from a store
- `steps`: the bodies that a person sends: the report and every step, with their fields
"""

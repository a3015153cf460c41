"""The loop from the report to the close: accept, assign, fix, re-check, decide, merge, escalate.

- `dispatch_rules`: who gets a hazard of this place and kind by itself
- `recheck_sample`: which fixes are re-checked on the spot: a sample of them, and those that something speaks
  against
- `repository`: what actions of this subject may ask of a store
- `steps`: what a person sends: the report and every step, with what each needs
"""

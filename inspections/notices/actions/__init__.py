"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `delivery`: dispatches notices, claims deliveries and records their results; renders and edits notice texts
- `digests`: sends the daily, weekly and history digests
"""

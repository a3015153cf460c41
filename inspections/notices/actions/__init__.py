"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `decision_links`: creates the links by which recipients of a notice decide the request that it is about
- `delivery`: dispatches notices, claims deliveries and records their results; renders and edits notice texts
- `digests`: sends the daily, weekly and history digests
"""

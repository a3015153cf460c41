"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `delivery`: notices become inbox entries and deliveries; claimed, settled, sent again; the words of a notice
- `digests`: the agenda of the day and of the week, told once
"""

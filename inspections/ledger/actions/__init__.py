"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `exports`: ledgers that take a while: asked for, claimed, made
- `legacy_import`: lines of the old spreadsheet become cases: all or none, none twice
"""

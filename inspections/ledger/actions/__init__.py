"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `exports`: requests, claims, finishes and deletes exports that are made in the background
- `layout`: reads and edits the layout of the ledger
- `legacy_import`: creates hazards from the lines of the old spreadsheet: all or none, and none twice
"""

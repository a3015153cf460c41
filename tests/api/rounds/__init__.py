"""Tells stories about checklists over HTTP.

- `test_checklists`: proves that a supervisor edits, publishes and passes on a checklist
"""

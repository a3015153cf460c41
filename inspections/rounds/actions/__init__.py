"""Actions on checklists.

- `checklists`: edits, publishes and retires checklists
"""

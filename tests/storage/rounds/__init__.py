"""Proves the storage of checklists.

- `test_checklists`: proves that a checklist comes back from either database as it was stored
"""

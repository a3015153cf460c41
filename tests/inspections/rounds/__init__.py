"""Proves the rules of checklists.

- `test_answers`: proves which answers fit an item, which items are shown, and how they are scored
- `test_checklists`: proves how a checklist is edited, published and retired, and what is refused in one
"""

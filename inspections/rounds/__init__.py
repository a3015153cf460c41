"""Checklists and what is answered with them.

- `answers`: answers to the items of a checklist: what can be answered, which items are shown, and the score
- `checklists`: checklists (检查表): their items, conditions and versions
- `repository`: the queries that actions of this subject need from a store
"""

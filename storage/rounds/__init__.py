"""Storage of checklists.

- `repository`: the queries of the domain about checklists, over one connection
- `tables`: the tables of checklists
"""

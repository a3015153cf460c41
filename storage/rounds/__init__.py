"""Storage of checklists.

- `repository`: the queries of the domain about checklists, over one connection
- `starter_lists`: the checklists that every office begins with, from the files in `lists/`
- `tables`: the tables of checklists
"""

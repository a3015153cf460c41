"""Links of responsible parties in the database.

- `queries`: the queries for links of the responsible party
- `repository`: the repository of this subject, over one connection
- `tables`: the table of links of responsible parties
"""

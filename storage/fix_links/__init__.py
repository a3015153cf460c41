"""Links of responsible parties as they are kept.

- `queries`: the queries behind links for the party
- `repository`: what the domain asks of this subject, answered over one connection
- `tables`: the table of links of responsible parties
"""

"""Storage of dispatch rules.

- `repository`: the queries of the domain about dispatch rules, over one connection
- `tables`: the table of dispatch rules
"""

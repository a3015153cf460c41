"""Storage of dispatch rules and of the origins of fixes by link.

- `pending_decisions`: the list of what waits for a supervisor's decision, paged by key
- `repository`: the queries of the domain about dispatch rules and origins of fixes, over one connection
- `tables`: the tables of dispatch rules and of the origins of fixes by link
"""

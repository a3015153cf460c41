"""Storage of the feed of changes.

- `change_feed`: reads changes in the order of their commits
- `change_log`: records changes in the transaction that makes them
- `repository`: the queries of this subject's actions, over one connection
- `tables`: the tables of changes and feeds
"""

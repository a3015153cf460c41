"""The feed of changes as it is kept.

- `change_feed`: what changed, read in the order of the commits
- `change_log`: what changed is noted in the transaction that changes it
- `repository`: what the domain asks of this subject, answered over one connection
- `tables`: the tables of what has changed
"""

"""The feed of changes that phones and screens follow.

- `actions`: deletes old changes from the feed
- `change_feed`: changes, cursors, and the scope for which a cursor is valid
- `repository`: the queries that actions of this subject may ask of the store
"""

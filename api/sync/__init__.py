"""The feed of changes, and events as they happen.

- `broadcaster`: what changes, handed out as it changes to all who listen in this process
- `events`: server-sent events: what changes, as it changes, over the cursors of /sync
- `routes`: what changed since a cursor, for phones
"""

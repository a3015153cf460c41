"""Synchronisation of phones, and live events.

- `broadcaster`: polls the feed and passes new changes to all event streams of this process
- `events`: the route of server-sent events, which uses the cursors of /sync
- `routes`: the route of changes since a cursor, for phones
"""

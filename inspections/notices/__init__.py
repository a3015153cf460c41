"""Who is told of what, through which channel, in which words.

- `outbox`: notices, inboxes, deliveries, and when one is tried again
- `recipients`: ONE table: which event is told to whom
- `repository`: what actions of this subject may ask of a store
- `templates`: the words of notices, as data with named fields
"""

"""Notices: their recipients, their delivery through channels, and their texts.

- `outbox`: notices, inbox entries, deliveries, and the delay before a retry
- `recipients`: the recipients of each event, in ONE table
- `repository`: the queries that actions of this subject may ask of the store
- `templates`: the texts of notices, as editable templates with named fields
"""

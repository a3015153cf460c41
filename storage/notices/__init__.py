"""Notices and deliveries as they are kept.

- `inbox`: an inbox page by page; what was given up
- `outbox`: what is to be told and tried, in order per hazard
- `repository`: what the domain asks of this subject, answered over one connection
- `tables`: the tables of what is told: notices, inboxes, deliveries, and the words of an office's own
"""

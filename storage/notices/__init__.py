"""Storage of notices, inboxes and deliveries.

- `inbox`: pages of an inbox, and failed deliveries
- `outbox`: the queries of the outbox: notices to dispatch and deliveries to try, in order per hazard
- `repository`: the queries of this subject's actions, over one connection
- `tables`: the tables of notices, inboxes, deliveries, and edited templates
"""

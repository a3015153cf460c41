"""Storage of monitoring devices, alerts and broker leases.

- `queries`: pages and lists of devices and alerts
- `repository`: the queries of this subject's actions, over one connection
- `tables`: the tables of devices, alerts, outages, rejections and leases
"""

"""Devices, alerts and leases as they are kept.

- `queries`: devices and alerts, read for people
- `repository`: what the domain asks of this subject, answered over one connection
- `tables`: the tables of what devices say
"""

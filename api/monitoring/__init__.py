"""Devices and their alerts, over HTTP and from a broker.

- `alert_metrics`: what became of the alerts, per community and per kind of device
- `alerts`: what devices send, signed; and the alerts that come of it
- `devices`: monitoring devices, by an administrator: registered, listed, changed, given new secrets
- `intake`: messages of devices gather, and share a transaction
- `mqtt`: alerts of devices from a broker, by paho-mqtt: each is acknowledged once it is kept, and not before
- `mqtt_leases`: a worker's place at the broker: taken, kept, left; and those that were left behind are emptied
"""

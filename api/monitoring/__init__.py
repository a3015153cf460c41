"""Monitoring devices and their alerts, over HTTP and from an MQTT broker.

- `alert_metrics`: the route of alert statistics, per community and per kind of device
- `alerts`: routes to submit signed alerts, to list alerts, and to list rejections
- `devices`: routes to register, list, change and maintain devices, and to rotate their secrets
- `intake`: queues device messages and commits them in batches
- `mqtt`: the MQTT consumer by paho-mqtt; it acknowledges each message only after it is stored
- `signatures`: verifies the signatures that devices put on their requests
- `mqtt_leases`: keeps a worker's broker lease, and drains sessions whose lease has expired
"""

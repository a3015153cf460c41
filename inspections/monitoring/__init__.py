"""Monitoring devices, the alerts that they send, and the hazards that alarms open.

- `alert_metrics`: statistics of alerts, from the alarm to a removed cause; every number has its definition
- `alerts`: canonical device messages, their grade, and how repeats are folded into one alert
- `broker_leases`: leases of numbered sessions at the MQTT broker, one for each worker
- `device_import`: the CSV import of monitoring devices
- `devices`: monitoring devices (监测设备): location, thresholds, signing secrets, outages
- `faults`: faults of devices: values that no sensor measures, and alarms that nobody could read
- `message_fields`: reads single fields of device messages: numbers with units, times, words that say alarm
- `rejections`: rejected device messages, counted by day, way and reason
- `repository`: the queries that actions of this subject may ask of the store
- `vendors`: adapters that turn each vendor's payload into canonical messages
"""

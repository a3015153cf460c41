"""Devices that measure, the alerts they send, and the hazards that come of them.

- `alert_metrics`: what became of alerts: every number with what it means
- `alerts`: what a monitoring device says, our own grade for it, and how repeats become one alert
- `broker_leases`: workers' places at the broker
- `device_import`: a list of devices as an office or its vendor has it: a line each, by titles
- `devices`: monitoring devices (监测设备): where they hang, what they may measure, the secrets they sign with
- `rejections`: what devices sent and was not taken, counted
- `repository`: what actions of this subject may ask of a store
- `vendors`: payloads of vendors made canonical: an adapter for each shape
"""

"""The demo office 新嘉街道: real communities, invented people and work, all of it marked 演示数据.

- `alarms`: devices of the pilot month and the alarms with which its cases begin
- `chance`: random numbers that are the same in every run
- `devices`: invented monitoring devices (演示设备): their messages, some of them faulty
- `office`: loads the demo office: eleven communities, the catalogue, the working calendar, an account for each role
- `places`: outlines of the demo communities and points in them, for maps
- `plan`: plans a simulated year: which hazards are reported, and how each of them ends
- `simulation`: sends the messages of invented devices to a running server, by signed requests or through a broker
- `scenario`: runs one scenario: who does what and when, each action depending on the state of the hazard
- `year`: simulates a year of the office's work through the same actions as the API, each at its own time
"""

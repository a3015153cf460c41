"""The demo office 新嘉街道: real communities, invented people and work, all of it marked 演示数据.

- `chance`: random numbers, the same at every run
- `devices`: invented monitoring devices (演示设备): what they measure, and how badly some of them behave
- `office`: loads the demo office: eleven communities, the catalogue, the working calendar, an account for each role
- `plan`: the plan of a simulated year: which hazards there are, when who does what
- `simulation`: invented devices speak to a running server, by signed requests or through a broker, as fast as they
  are told to
- `telling`: tells one story of the plan: who does what when, each deed depending on how the hazard stands after the
  last one
- `year`: simulates a year of the office's work through the same actions as the API, each deed at its own time
"""

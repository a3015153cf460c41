"""Processes: the server, its connections, its schedule, its logs, its health.

- `health`: routes about the server itself: health, and a page of documentation that needs no foreign host
- `listening`: the address, taken by one server alone; how many connections
- `logs`: structured logs: lines for a person at a terminal, JSON for everything else
- `scheduler`: recurring jobs, each one line into the actions; the heartbeat
"""

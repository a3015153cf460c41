"""The server process: its health routes, sockets, logs and recurring jobs.

- `front_door`: the page at the root of the server, and its icon
- `health`: routes for health checks, the OpenAPI document and its documentation page
- `listening`: the exclusive server address, connection limits, and granian servers on our own sockets
- `logs`: structured logs: readable lines at a terminal, JSON elsewhere; the security log to syslog
- `printable`: words of others, made printable for terminals and logs
- `scheduler`: recurring jobs: deadlines, cleanup, digests, rollups, heartbeat
"""

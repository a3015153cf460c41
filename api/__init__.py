"""The outer layer: HTTP routes, command line, background jobs, and the rights to use them.

- `app`: builds the application from its settings; the only place where all parts are joined
- `hosts`: names of hosts, as settings and the Host header of a request write them
- `settings`: the settings, one frozen Struct read from the environment or a TOML file
"""

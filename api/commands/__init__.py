"""The commands of the `anxun` program.

- `accounts`: `anxun user …`: creates and lists accounts
- `backups`: `anxun backup`, `anxun restore`, `anxun verify`
- `database`: `anxun migrate`, `anxun recount`
- `dead_letters`: lists and replays abandoned deliveries, without a running server
- `demo`: `anxun demo`
- `documents`: `anxun openapi`
- `histories`: `anxun history …`
- `imports`: `anxun import …`
- `main`: the entry point, which imports a command only when it is called
- `notices`: `anxun notices …`
- `serve`: `anxun serve`
- `server`: runs the processes: one server, several workers, or background work alone
- `simulate`: `anxun simulate …`
- `terminal`: settings, progress bar and output of findings, shared by all commands
- `work`: `anxun work`
"""

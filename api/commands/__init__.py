"""The commands of `anxun`.

- `accounts`: `anxun user …`
- `backups`: `anxun backup`, `anxun restore`, `anxun verify`
- `database`: `anxun migrate`, `anxun recount`
- `dead_letters`: deliveries that were given up, listed and tried again at the machine itself
- `demo`: `anxun demo`
- `documents`: `anxun openapi`
- `histories`: `anxun history …`
- `imports`: `anxun import …`
- `main`: `anxun` itself, which loads a command when it is asked for
- `notices`: `anxun notices …`
- `serve`: `anxun serve`
- `server`: the processes behind them: one that answers, several that do, one that only works
- `simulate`: `anxun simulate …`
- `terminal`: settings, a bar of progress, and how findings are reported
- `work`: `anxun work`
"""

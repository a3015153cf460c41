"""Who may speak to it, and when: HTTP, the command line, the scheduler.

- `app`: build(settings): the only place where everything is joined
- `settings`: one frozen Struct from the environment or TOML
"""

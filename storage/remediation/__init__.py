"""Rules of dispatch as they are kept.

- `repository`: what the domain asks of this subject, answered over one connection
- `tables`: the table of rules by which reports are accepted and assigned by themselves
"""

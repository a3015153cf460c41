"""People and programs as they are kept, and the security log.

- `append_only`: the database itself refuses to change a line of the security log, or to remove one that is younger
  than 180 days
- `queries`: the queries behind who signs in
- `repository`: what the domain asks of this subject, answered over one connection
- `scopes`: the part of a scope that asks about communities, as a WHERE clause
- `security_log`: the security log page by page
- `tables`: the tables of people and programs, and of how they sign in
"""

"""What is true: the words, rules and decisions of safety inspection, without I/O, clock, database or HTTP.

Actions are the verbs (`actions.py` or `actions/` of a subject): plain functions of (repository, facts, now) that read,
decide and return what to write. An action has no other effect, so a store may run it again.

- `calendar`: working days with 调休, office hours, Shanghai's midnight; what a published year must hold
- `change`: what an action answers, and the rows that are to be written with it
- `errors`: every "no" with its stable code
- `field_types`: what a field of a body may hold: lines, words, digests, instants
- `jobs`: a job that recurs: it is claimed, so that one process does it
- `periods`: periods of days, weeks and months, and what they are compared with
- `repository`: all repositories joined: what storage satisfies; nobody but storage imports it
- `table_import`: files of lines: their columns by title, what is wrong with a line
"""

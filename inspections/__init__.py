"""The domain of safety inspection: its terms, rules and decisions, without I/O, clock, database or HTTP.

Actions (`actions.py` or `actions/` of a subject) are plain functions of (repository, facts, now) that read, decide and
return a Change to write. An action has no other effect, so a store may run it again.

- `calendar`: working days with 调休, office hours, Shanghai days, and the checks of a published year
- `change`: the return type of actions: an answer, and the records to write
- `errors`: all refusals of the domain, with stable codes
- `field_types`: annotated types for fields of request bodies: texts, digests, instants
- `jobs`: recurring jobs, claimed so that one process runs each
- `periods`: periods of days, weeks and months, and the periods they are compared with
- `request_texts`: checks and cleans the texts of a request, and compares repeated requests
- `repository`: the Protocols of all subjects joined, implemented and imported only by storage
- `table_import`: reads imported tables: columns by title, errors by line
- `text`: characters that nobody sees, and the form in which names are compared
"""

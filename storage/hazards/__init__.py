"""Tables and queries of hazards.

- `claims`: queries for hazards that are due or wait for recalculation, and for recorded rungs
- `deadlines`: the rules about deadlines as WHERE clauses
- `duplicates`: queries that find earlier reports near a hazard through indexes
- `filters`: the filters of the list of hazards, and their WHERE clauses
- `listing`: filtered and sorted lists of hazards, page by page
- `measures`: the measures of hazards (inspections/hazards/measures.py) as SQL clauses
- `photo_evidence`: queries for declared photos, similar photos, and photos that may be purged
- `queries`: the queries of hazards and history entries by their ids, without locks, and the pages of a history
- `repository`: the queries of the domain about hazards, over one connection
- `scopes`: a policy scope as a WHERE clause on hazards
- `tables`: the tables of hazards, their history, declared photos and recorded rungs
"""

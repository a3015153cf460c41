"""Hazards as they are kept, listed and searched.

- `claims`: hazards, photos and uploads that wait for somebody to work on them
- `deadlines`: verdicts about deadlines as WHERE clauses
- `duplicates`: what lies about a hazard, narrowed by indexes
- `listing`: lists of hazards, page by page
- `measures`: what hazards count for (inspections/hazards/measures.py): the same as clauses in SQL, and written with
  every step
- `photo_evidence`: photos beside others: near-same pictures by their bands
- `queries`: hazards by their ids, for whoever will not change them
- `repository`: what the domain asks of this subject, answered over one connection
- `scopes`: a policy scope as a WHERE clause
- `tables`: the tables of hazards: the hazard, its history, its photos as declared, and the rungs of its deadlines
"""

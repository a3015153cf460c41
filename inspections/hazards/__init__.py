"""The hazard itself: its record, its states, its deadlines, its history.

- `contact_masking`: who sees names and numbers of responsible parties whole, and how they are masked for everybody
  else
- `deadlines`: ONE table of clocks; policy × calendar → deadline; what is left of one; ladders; when to look next
- `duplicates`: which hazards reported before may be the same one
- `history`: a hazard's history: every line is written there, chained to the one before, erased from, and checked
- `lifecycle`: ONE table: which step leads from which state to which
- `measures`: what a hazard counts for, and on which of its days
- `records`: Hazard, Photo, Mention, Receipt, Entry: frozen values
- `repository`: what actions of this subject may ask of a store
"""

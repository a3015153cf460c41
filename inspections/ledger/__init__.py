"""The ledger as the office knows it: exported, and imported from an old sheet.

- `exports`: a ledger that somebody has had made: how far it is, and until when it is there
- `legacy_import`: the old spreadsheet: which columns are known, what a line of it says
- `repository`: what actions of this subject may ask of a store
- `selection`: the ledger (电子台账): which hazards are in it
"""

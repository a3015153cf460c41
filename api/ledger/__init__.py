"""The ledger over HTTP: exported, and imported from an old sheet.

- `exporter`: makes the ledgers that were asked for
- `exports`: ledgers that take a while: asked for, followed while they are made, taken away
- `legacy_import`: the office's old spreadsheet comes in: looked at first, then kept as a whole
- `routes`: the ledger (电子台账) goes out: made in a process of its own, sent on as it grows
"""

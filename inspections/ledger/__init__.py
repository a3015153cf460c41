"""The office's ledger (电子台账): exported in the background, and imported from an old spreadsheet.

- `exports`: the record of an export that is made in the background: its progress and how long it is kept
- `legacy_import`: parses the office's old spreadsheet: which columns are known, what each line says
- `repository`: the queries that actions of this subject need
- `selection`: which hazards a ledger contains
"""

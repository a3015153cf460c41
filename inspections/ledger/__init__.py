"""The office's ledger (电子台账): exported in the background, and imported from an old spreadsheet.

- `cells`: cells of the old spreadsheet: merged cells, texts, numbers and times
- `choices`: the words that a cell may choose from: communities, categories, states, outcomes, severities
- `columns`: the columns of the ledger: their fields, and the titles that offices give them
- `exports`: the record of an export that is made in the background: its progress and how long it is kept
- `layout`: the columns of the ledger in their order, as data that an administrator edits
- `legacy_import`: parses the office's old spreadsheet: what each line says, and what is wrong with it
- `repository`: the queries that actions of this subject need
- `selection`: which hazards a ledger contains
"""

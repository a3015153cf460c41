"""The ledger written and read by processes of their own.

- `cells`: what a cell of a spreadsheet may hold: no text that is taken for a formula; and the rows of a CSV file
- `export_process`: writes the ledger to its standard output, a file, in a process of its own, told what by standard
  input
- `import_process`: the tables of a spreadsheet, as an old ledger is kept in
- `queries`: ledgers that somebody asked for: what waits, what is old, what is whose
- `repository`: what the domain asks of this subject, answered over one connection
- `rows`: the ledger (电子台账): a line a hazard, newest first, as the office knows it from its spreadsheet
- `tables`: the table of ledgers that somebody asked for
- `thumbnails`: small pictures in a workbook: the first one from before and the first one from after, beside each
  line
"""

"""The ledger's files, written and read by processes of their own, and the exports in the database.

- `spreadsheet_cells`: the cells of exported tables, which cannot be taken for formulas, and the rows of a CSV file
- `export_process`: a process that writes a ledger as CSV or XLSX to standard output
- `import_process`: reads the tables of an uploaded spreadsheet, in the process of storage/file_reading.py
- `queries`: queries over the exports: waiting, old, of a person
- `repository`: implements LedgerRepository of the domain over one connection
- `rows`: the rows of the ledger (电子台账): one per hazard, newest first, in the columns of the office's spreadsheet
- `tables`: the table of exports
- `thumbnails`: thumbnails in a workbook: the first photo before and the first after the fix, beside each line
"""

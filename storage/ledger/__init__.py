"""The ledger's files, written and read by processes of their own, and the exports in the database.

- `spreadsheet_cells`: the cells of exported tables, which cannot be taken for formulas, and the rows of a CSV file
- `export_process`: a process that writes a ledger as CSV or XLSX to standard output
- `import_process`: reads the tables of an uploaded spreadsheet, in the process of storage/file_reading.py
- `html_tables`: the tables of an HTML page that is called .xls
- `merged_cells`: merged cells of a sheet: their ranges, and the cells that they span
- `unsaved_formulas`: the formulas of a workbook whose results are not in the file
- `queries`: queries over the exports: waiting, old, of a person
- `repository`: implements LedgerRepository of the domain over one connection
- `row_columns`: what each column of the ledger queries, and how its cell is shown
- `rows`: the rows of the ledger (电子台账): one per hazard, newest first, in the columns of the office's layout
- `tables`: the tables of exports and of the layout
- `thumbnails`: thumbnails in a workbook: the first photo before and the first after the fix, beside each line
"""

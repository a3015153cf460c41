"""The ledger over HTTP: exported, and imported from an old spreadsheet.

- `exporter`: a background worker that makes the requested exports, one at a time
- `exports`: routes of exports that are made in the background: request, follow, download
- `legacy_import`: imports the office's old spreadsheet: a preview first, then all lines or none
- `routes`: downloads of the ledger (电子台账), streamed while a process writes it
"""

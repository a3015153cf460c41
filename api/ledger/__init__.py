"""The ledger over HTTP: exported, and imported from an old spreadsheet.

- `exporter`: a background worker that makes the requested exports, one at a time
- `exports`: routes of exports that are made in the background: request, follow, download
- `legacy_import`: imports the office's old spreadsheet: a preview first, then all lines or none
- `layouts`: routes of the columns of the ledger
- `photo_page`: the page behind a photo's address in the ledger, which asks for the sign-in
- `routes`: downloads of the ledger (电子台账), written by a process of its own
"""

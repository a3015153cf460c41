"""Backups, checks, and histories kept elsewhere.

- `backup`: a copy of everything while writing goes on, and the way back, from any database into any other
- `histories`: histories read for checking, some hazards at a time
- `history_digests`: the heads of all histories, a file a day outside the database
- `history_file`: all histories in one file, and that file checked without the database
- `orphans`: bytes without a row are swept, in two steps a day apart
- `verification`: whether what is kept is whole: photos against their rows and digests, histories and their digests,
  numbers
"""

"""Backups, consistency checks, and exports of all histories.

- `backup`: backup of a running server, and restore into any database and photo store
- `histories`: reads all histories, a batch of hazards at a time
- `history_digests`: daily files, outside the database, with the digests of all histories
- `history_file`: exports all histories to one file, and checks such a file without the database
- `orphans`: removes photo files without a database row, in two steps a day apart
- `verification`: checks photos, histories, daily digests, number series and counters for consistency
"""

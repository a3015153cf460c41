"""Streets, communities, positions on the map, and lists of communities that are imported.

- `actions`: communities come in, are renamed and outlined: all of a list or nothing
- `communities`: communities and streets, and the key by which two spellings of a place are found to be one
- `community_import`: a list of communities as an office has it: a table, or a map with their outlines
- `coordinates`: streets, communities, points in WGS-84, GCJ-02 and BD-09, metres between them; the keys that find a
  place again
- `repository`: what actions of this subject may ask of a store
"""

"""Streets and communities, map coordinates, and the import of communities.

- `actions`: imports a list of communities with names and outlines, all of it or nothing
- `communities`: communities and streets, and the key that unifies different spellings of a place
- `community_import`: parses a list of communities from a table or from a GeoJSON map
- `coordinates`: points in WGS-84, GCJ-02 and BD-09, their conversion and distance, and the cells of a search grid
- `repository`: the queries that actions of this subject need from a store
"""

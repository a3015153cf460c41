"""Storage of streets, communities and their outlines.

- `boundaries`: the outlines of communities, for maps
- `repository`: the queries of the domain about places, over one connection
- `tables`: the tables of streets, communities and their outlines
"""

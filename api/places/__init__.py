"""Communities over HTTP.

- `communities`: the communities: listed, drawn on a map, brought in from a table or a map
- `geojson`: outlines of communities for maps (RFC 7946, in WGS 84), and how a map is asked for
- `views`: communities as JSON
"""

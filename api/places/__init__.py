"""HTTP routes for communities.

- `communities`: the routes that list, map and import communities
- `geojson`: outlines of communities as GeoJSON (RFC 7946, WGS 84), and the check for a map request
- `views`: the response bodies of communities
"""

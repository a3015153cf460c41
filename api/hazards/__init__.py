"""Hazards over HTTP: listed, read, drawn on a map.

- `filters`: which hazards are listed, as the query asks
- `geojson`: hazards for maps
- `routes`: hazard routes: report, list, one, history, erasures
- `views`: what the API answers where it differs from the domain
"""

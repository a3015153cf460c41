"""HTTP routes for hazards: lists, details, histories and maps.

- `filters`: the filters of the list of hazards, read from the query
- `geojson`: hazards as GeoJSON for maps
- `routes`: the routes that list hazards and return one hazard and its history
- `views`: the response bodies of hazards
"""

"""HTTP routes for hazards: lists, details, histories and maps.

- `filters`: the filters of the list of hazards, read from the query
- `geojson`: hazards as GeoJSON for maps
- `rendered`: the JSON of hazards as people see them, kept while nothing that it shows has changed
- `routes`: the routes that list hazards and return one hazard and its history
- `views`: the response bodies of hazards
"""

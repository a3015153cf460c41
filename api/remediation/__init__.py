"""Reports and steps over HTTP.

- `reports`: reports: as JSON, or as a form with their photos
- `steps`: steps on hazards, one or many at once
"""

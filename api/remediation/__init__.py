"""HTTP routes for reports and steps.

- `reports`: the route that receives reports, as JSON or as a form with photos
- `steps`: the routes that take one step, or many in a batch
"""

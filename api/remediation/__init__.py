"""HTTP routes for reports and steps.

- `origins`: the origin of a request: the network of the client, and the account signed in on the device
- `reports`: the route that receives reports, as JSON or as a form with photos
- `steps`: the routes that take one step, or many in a batch
"""

"""HTTP routes for reports and steps.

- `origins`: the origin of a request: the network of the client, and the account signed in on the device
- `pending_decisions`: the route that lists what waits for a supervisor's decision
- `reports`: the route that receives reports, as JSON or as a form with photos
- `steps`: the routes that take one step, or many in a batch
"""

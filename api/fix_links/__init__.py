"""Links for responsible parties, and the pages behind them.

- `party_routes`: what the party sees and sends under /f/{token}
- `resolver`: who comes with such a link, counted
- `routes`: officers make, list and revoke links for the party
"""

"""Links for responsible parties over HTTP, and the pages that they open.

- `addresses`: the addresses that give access to a link, its QR code, and the warning where they cannot be printed
- `party_routes`: the pages and routes of the party, under /f/{token}
- `resolver`: finds the link of a request, and counts the requests
- `routes`: the routes of officers: create, list and revoke links
"""

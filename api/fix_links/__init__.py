"""One-time links for responsible parties and supervisors over HTTP, and the pages that they open.

- `addresses`: the addresses that give access to a link, its QR code, and the warning where they cannot be printed
- `decision_page`: the page of a decision link, under /d/{token}: a GET shows one request, a POST decides it
- `forms`: the text fields of the forms of links, and the words with which a page says why something was refused
- `party_routes`: the pages and routes of the party, under /f/{token}
- `progress`: the page of a link after its fix: the state of the case and, once it is closed, the evaluation
- `resolver`: finds the link of a request, and counts the requests
- `routes`: the routes of officers: create, list and revoke links
"""

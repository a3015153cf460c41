"""Actions on one-time links.

- `decision_links`: a supervisor without a session sees one request by a link from a notice, and decides it
- `party_links`: links of the party are created, revoked and opened; they submit one fix and evaluate the closing
"""

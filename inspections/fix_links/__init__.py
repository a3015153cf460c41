"""One-time links: a responsible party sees its notice and submits its fix; a supervisor decides one request.

- `links`: links of the responsible party: lifetime, and what they may still do
- `repository`: the queries that actions of this subject may ask of a store
"""

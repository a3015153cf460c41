"""Links by which a responsible party without an account sees a notice and submits its fix.

- `actions`: links of the party are created, revoked, opened and used once
- `links`: one-time links of the responsible party: lifetime and validity
- `repository`: the queries that actions of this subject may ask of a store
"""

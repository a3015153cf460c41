"""Links by which a responsible party without an account sees a notice, submits its fix and evaluates the closing.

- `links`: links of the responsible party: lifetime, and what they may still do
- `repository`: the queries that actions of this subject may ask of a store
"""

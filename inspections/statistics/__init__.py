"""The numbers of an office and of its communities, and the briefing made of them.

- `actions`: saves a briefing under the digest of its figures
- `briefing`: composes the paragraph that is read aloud from the figures of a period, and the stored snapshot of it
- `repository`: the queries that actions of this subject need
- `metrics`: the definitions of all numbers, and the identities between them
"""

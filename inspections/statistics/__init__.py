"""The numbers of an office and of its communities, and the briefing made of them.

- `actions`: what was said of the figures is kept
- `briefing`: the paragraph that is read aloud, and what is kept of it
- `metrics`: what each number means, and the identities between them
"""

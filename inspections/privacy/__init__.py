"""Data protection: erasure of personal data from hazards.

- `actions`: erase texts and names from a hazard and its history, with a line that records the erasure
"""

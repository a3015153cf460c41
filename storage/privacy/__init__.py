"""Queries for the personal data of one person.

- `personal_copy`: the personal data of an account or of a responsible party, for a copy
"""

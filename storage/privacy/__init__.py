"""All that is kept about one person.

- `personal_copy`: everything that is kept about one person
"""

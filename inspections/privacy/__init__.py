"""What is kept about a person: copied for them, and erased.

- `actions`: words and names are erased, and a line says by whom
"""

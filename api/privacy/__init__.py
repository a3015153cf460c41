"""Copies of what is kept about a person, and erasure.

- `erasures`: words and names of a hazard are erased
- `routes`: what is kept about one person, for who asks for it; and a responsible party's name taken out of
  everything
"""

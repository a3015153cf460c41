"""HTTP routes for data protection: copies of personal data, and erasure.

- `erasures`: the route that erases texts and names from a hazard
- `routes`: routes for copies of personal data, and for erasing a responsible party from all hazards
"""

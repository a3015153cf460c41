"""The feed of changes that phones and screens follow.

- `actions`: old changes are forgotten
- `change_feed`: what has changed: places, and for whom they hold
- `repository`: what actions of this subject may ask of a store
"""

"""Links by which a responsible party without an account sees a notice and sends its fix.

- `actions`: links for the party are made, revoked, opened, and used once
- `links`: one-time links for the responsible party: how long they live, when they are over
- `repository`: what actions of this subject may ask of a store
"""

"""Photos as evidence: how they arrive, what they say, how they are found again.

- `evidence`: which photos are missing, what speaks against one, which fixes on the spot are looked at again
- `perceptual_hash`: near-same pictures: the keys that find them
- `records`: photos, who sent them, where they are declared, and what speaks against them
- `repository`: what actions of this subject may ask of a store
- `signed_urls`: signed addresses of photos
- `uploads`: a photo that comes in pieces
"""

"""Photos as evidence: the records, how uploads are received, and the flags raised against a photo.

- `evidence`: the photos that a step still lacks, and the flags that speak against a photo
- `perceptual_hash`: near-duplicate pictures: the distance of two hashes, and the keys that find neighbours
- `records`: records of photos, upload receipts, references from hazards, and flags
- `repository`: the queries that actions of this subject may ask of a store
- `signed_urls`: signed URLs of photos
- `uploads`: the record of a resumable upload
"""

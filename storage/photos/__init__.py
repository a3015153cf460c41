"""Photos: their rows, their files, and how they are decoded.

- `av1`: frame sizes in coded AV1, without decoding (AV1 Bitstream & Decoding Process Specification, 5.3 to 5.9)
- `bucket_store`: a photo store in an S3 bucket, by obstore
- `decoder_memory`: pixel limits for each format, and the memory budget that all decodings share
- `folder_store`: a photo store on a local disk: files flushed and renamed, folders flushed
- `formats`: the format of a picture, and whether its bytes are complete
- `images`: previews without metadata, perceptual hashes, and the metadata of pictures
- `incoming`: temporary files for incoming photos and pieces; the floor of free space
- `isobmff`: ISO base media files (ISO/IEC 14496-12) and the pictures in them (ISO/IEC 23008-12): boxes, items,
  tracks
- `names`: the names of photos in a store
- `queries`: the queries for waiting photos, open uploads and similar pictures
- `repository`: the repository of this subject, over one connection
- `sample_images`: drawn pictures for demonstrations and tests
- `store`: the interface of photo stores: photo bytes by sha-256, in a folder or an S3 bucket
- `tables`: the tables of photos, upload receipts, hash bands, uploads and secrets
- `watermark`: a Chinese caption on a picture that is sent out
"""

"""Photos: their rows, their files, and how they are decoded.

- `av1`: the sizes of the frames in coded AV1 (AV1 Bitstream & Decoding Process Specification, 5.3 to 5.9),
  undecoded
- `bucket_store`: in any S3 store, by obstore
- `decoder_memory`: how many pixels of each format are taken, and the memory that all decodings share
- `folder_store`: on a local disk: flushed, renamed, folder flushed
- `formats`: what kind of picture some bytes are, and whether they are whole
- `images`: upright small pictures without metadata, their perceptual hash; what the metadata says
- `incoming`: a photo, or a piece of one, on its way in; the floor of free space
- `isobmff`: ISO base media files (ISO/IEC 14496-12) and the pictures in them (ISO/IEC 23008-12): boxes, items,
  tracks
- `names`: what photos are called in a store
- `queries`: photos and uploads that wait, and pictures that are nearly alike
- `repository`: what the domain asks of this subject, answered over one connection
- `sample_images`: pictures for demonstrations and tests
- `store`: where photo bytes are kept, by their sha-256: a folder, or a bucket of any S3 store
- `tables`: the tables of photos: what is kept of each, who sent it, how near-same ones find it; those that come in
  pieces
- `watermark`: a Chinese caption on a picture that goes out
"""

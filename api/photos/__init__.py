"""Photos over HTTP: they are received, processed and delivered.

- `bodies`: photos in request bodies: raw, or as parts of a form
- `delivery`: routes that deliver photos: by variant, with a caption, by signed URL
- `intake`: routes that receive photos, by raw body or form
- `limits`: upload limits that a client needs before it sends photos
- `processor`: processes and examines photos after their reply, at low priority
- `signing_key`: the secret for signed URLs
- `tus`: tus 1.0: resumable uploads for phones that lose the signal
- `tus_headers`: the headers of resumable uploads, read and checked
- `views`: photos and their flags as JSON
"""

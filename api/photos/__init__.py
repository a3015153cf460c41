"""Photos over HTTP: they come in, are processed, and are shown.

- `bodies`: photos in bodies: raw, or as parts of a form
- `delivery`: photos go out: by variant, with a caption, by signed address
- `intake`: photos come in, by raw body or form
- `limits`: what a phone has to know before it sends photos
- `processor`: develops and examines photos after their reply, at low priority
- `signing_key`: the secret behind signed addresses
- `tus`: tus 1.0: photos in pieces, for who loses the signal
- `views`: photos and what speaks against them as JSON
"""

"""The actions of this subject: functions of (repository, facts, now) that return the Change to write.

- `intake`: receives, declares and processes photos
- `retention`: purges photos after the retention period
- `signed_urls`: creates the secret for signed URLs once
- `uploads`: begins, extends, completes and ends resumable uploads; offsets by compare-and-set
"""

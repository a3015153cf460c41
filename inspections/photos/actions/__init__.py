"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `intake`: photos arrive, are declared, are developed
- `retention`: photos of what ended long ago are let go
- `signed_urls`: the key behind them is made once
- `uploads`: begin, add, complete, end: offsets by compare-and-set
"""

"""The numbers over HTTP, as JSON, tables and gauges.

- `briefings`: briefings of a period: composed, stored as a snapshot, read again
- `filters`: query parameters that all statistics share, and the links that list the hazards behind a number
- `gauges`: the metrics that Prometheus scrapes at /metrics: requests, and open hazards by street
- `response_cache`: a bounded cache of statistics responses by ETag
- `responses`: statistics in the requested format; 304 or a cached response where no number has changed
- `routes`: statistics by community and by category, summed up, over time, compared with other periods, by clock
- `rows`: row structs of statistics, and building them from columns
"""

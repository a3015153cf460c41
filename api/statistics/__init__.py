"""The numbers over HTTP, as JSON, tables and gauges.

- `briefings`: briefings: what is read aloud of a period, kept as it was said
- `filters`: what all statistics can be asked of; the links that list a number's cases
- `gauges`: what Prometheus reads at /metrics: requests as they were counted, and how the hazards stand at this
  moment
- `response_cache`: figures that were said, while they hold
- `responses`: figures in the form that is asked for, or 304 before anything is counted
- `routes`: statistics routes: the numbers per community and per category, in sum, over time, beside other periods,
  by clock
- `rows`: rows of figures, by name
"""

"""Sums as they are kept, and the numbers asked of them.

- `briefings`: briefings that were kept
- `deltas`: what a change adds to the sums is written with it, in the same transaction
- `metrics`: the numbers behind the statistics: sums of what is counted, of the grain that has the fewest rows for a
  question
- `query`: the statement that counts: what is summed up, what is not yet, and what is late, all of one moment
- `rollup`: what was counted is summed up, by one at a time, and counted anew
- `tables`: the tables of what is counted: sums by grain, and what is not in them yet; what was said of it, who
  takes it away
- `views`: views for who reports by SQL
"""

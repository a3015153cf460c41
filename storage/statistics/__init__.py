"""Counters of hazards in the database, and the queries over them.

- `briefings`: reads and counts the stored briefings
- `deltas`: appends what a change adds to the counters, in the transaction of the change
- `metrics`: the numbers behind the statistics, each read from the grain of counters with the fewest rows for it
- `query`: builds the one statement that adds up counters, deltas that are not rolled up yet, and overdue hazards
- `repository`: implements StatisticsRepository of the domain over one connection
- `rollup`: adds the appended deltas to the counters, one process at a time; rebuilds and checks the counters
- `tables`: the tables of counters, of deltas that are not rolled up yet, and of briefings
- `views`: SQL views for reporting tools
"""

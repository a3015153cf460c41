"""Storage of categories, rules and the calendar.

- `published_calendar`: the working calendars published by the State Council, as rows
- `reference`: rules and calendar, built from rows that are cached in memory
- `repository`: the queries of the domain for this subject, over one connection
- `tables`: the tables of categories, calendar days and rules
"""

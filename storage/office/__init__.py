"""Categories, rules and the calendar as they are kept.

- `published_calendar`: the published working calendars as rows
- `reference`: places, catalogue, rules, calendar: read once, kept in memory
- `repository`: what the domain asks of this subject, answered over one connection
- `tables`: the tables of what an office is made of: places, categories, calendar, rules, people and their sessions
"""

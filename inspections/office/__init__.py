"""The settings of an office: categories, deadlines, rules and the working calendar.

- `actions`: edit rules, categories and the calendar
- `categories`: the catalogue of hazard categories and the policy of each
- `repository`: the queries that actions of this subject need from a store
- `rules`: an office's rules as data: office hours, a term for every stage, reminders and escalations
"""

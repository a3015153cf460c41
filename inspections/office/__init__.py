"""What an office sets for itself: categories, deadlines, the calendar.

- `actions`: an administrator edits rules, categories, calendar, dispatch; provisional deadlines anew
- `categories`: the catalogue and its policy
- `repository`: what actions of this subject may ask of a store
- `rules`: an office's rules as data: its hours, a term for every stage, who is told when
"""

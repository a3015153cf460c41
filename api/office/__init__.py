"""HTTP routes for categories, rules and the calendar, and the initial data of a new office.

- `recalculation`: recomputes provisional deadlines, once a day and after a change of the calendar
- `reference`: the route that lists categories for the forms of a phone
- `rules`: routes for an office's settings: rules, category policies, calendar, dispatch rules
- `seed`: the initial data of every office: catalogue and calendar
- `views`: response bodies for categories
"""

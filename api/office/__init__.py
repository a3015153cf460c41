"""Categories, rules and the calendar over HTTP, and how a new office is filled.

- `recalculation`: deadlines of provisional years, and what recurs each day, counted again
- `reference`: what a phone needs to fill its forms, beside the communities: categories, limits
- `rules`: routes of what an office decides for itself: rules, policies of categories, calendar, dispatch rules
- `seed`: what every office begins with: catalogue and calendar
- `views`: categories as JSON
"""

"""Streets, communities and their outlines as they are kept.

- `boundaries`: where communities end, for maps
- `repository`: what the domain asks of this subject, answered over one connection
- `tables`: the tables of streets, communities and their outlines
"""

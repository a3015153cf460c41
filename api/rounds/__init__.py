"""Checklists over HTTP.

- `checklists`: the routes that list, edit, publish, retire and export checklists
"""

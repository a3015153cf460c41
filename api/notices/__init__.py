"""Inboxes and channels.

- `channels`: the ways out: webhook, mail, robots; what another one has to be
- `dispatcher`: tells what the outbox holds, and delivers it, a task for each channel
- `routes`: routes of notices: everybody's inbox, the words that are said, what was given up on its way
"""

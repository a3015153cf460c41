"""Inboxes, notice templates, and the channels that deliver notices.

- `channels`: the delivery channels (webhook, mail, chat robots) and their protocol
- `dispatcher`: dispatches the outbox and delivers it, with one task for each channel
- `routes`: routes of the inbox, notice templates, and failed deliveries
"""

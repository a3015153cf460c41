"""Inboxes, notice templates, and the channels that deliver notices.

- `channels`: the delivery channels webhook and mail, and what opens all channels
- `dispatcher`: dispatches the outbox and delivers it, with one task for each channel
- `envelopes`: the notices as channels deliver them, and the protocol of channels
- `robots`: the robots of chat groups: DingTalk, WeCom, Feishu
- `routes`: routes of the inbox, notice templates, and failed deliveries
"""

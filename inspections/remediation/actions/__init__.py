"""The actions of this subject: functions of (repository, facts, now) that return the records to write.

- `step_context`: the context in which a step is decided, and the update of clocks after it
- `decisions`: the steps of supervisors: extend, suspend, supervise, transfer, reopen, evaluate
- `dispatch`: accepts and assigns hazards by dispatch rules
- `dispatch_rules`: adds and removes dispatch rules
- `duties`: separation of duties: what a person may not do because of their own part in the hazard
- `escalation`: records due rungs of escalation ladders and sends their notices
- `handling`: the steps of officers and handlers: accept, verify, assign, fix, reclassify
- `merging`: merges a duplicate into its master, which gets its photos and reporters
- `photo_damage`: marks damaged photos as missing and notifies their senders; claims photos to process
- `photo_findings`: examines processed photos; selects suspicious fixes on the spot for a re-check
- `recalculation`: recomputes provisional deadlines once the calendar of the year is published
- `rechecks`: the re-check of a fix, and the look-back after closure
- `reporting`: reports a hazard, with or without a fix on the spot; creates a rebound
- `second_look`: draws a closed hazard for another re-check, such as a fix by a link from the re-checker's own device
- `steps`: takes a step; defines the order of refusals
"""

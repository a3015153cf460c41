"""The actions of this subject: functions of (repository, facts, now) that return what to write.

- `case`: what a step is decided on; the clocks after it
- `decisions`: the steps of supervisors: extended, suspended, supervised, handed over, opened again
- `dispatch`: accept and assign, by an officer or by a rule
- `dispatch_rules`: rules by which reports are accepted and assigned by themselves: added and removed
- `escalation`: rungs of ladders are reached, recorded and told; claim what recurs
- `handling`: the steps of officers and handlers: accepted, assigned, fixed, named for what it is
- `merging`: a duplicate ends in its master, which gets its photos and reporters
- `photo_damage`: a photo that proved damaged counts as missing again, and whoever sent it is told
- `photo_findings`: examine photos after they were developed; draw a fix on the spot for a re-check
- `recalculation`: deadlines that were counted with a provisional calendar are counted again once the year is
  published
- `rechecks`: the fix is looked at; look-back
- `reporting`: report a hazard, fix on the spot, rebound
- `steps`: take a step; the order of refusal
"""

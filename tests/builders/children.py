"""The processor time of processes that the application has begun, and that have ended."""

import resource


def seconds_of_children(ask):
    """What `ask` answers, and the processor's seconds that its children took, however busy the machine is."""
    before = _spent()
    answer = ask()
    return answer, _spent() - before


def _spent():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

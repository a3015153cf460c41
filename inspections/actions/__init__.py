"""The verbs. Each is a plain function of (register, facts, now) that reads, decides and returns what to write.

An action has no other effect, so a store may run it again.
"""

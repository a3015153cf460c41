"""What is true: the words, rules and decisions of safety inspection, without I/O, clock, database or HTTP."""

"""Who may speak to it, and when: HTTP, the command line, the scheduler."""

"""Stories of people at their phones, in a real Chromium against a real server."""

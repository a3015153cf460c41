"""Builders of offices, servers, requests and files for tests. Test files import from here, never from each other."""

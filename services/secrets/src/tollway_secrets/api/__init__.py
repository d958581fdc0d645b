"""The service's HTTP: one file for each noun, each a function that returns a router."""

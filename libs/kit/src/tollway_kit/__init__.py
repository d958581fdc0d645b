"""Run-time plumbing that the services share. No words of Tollway's domain, no business rule."""

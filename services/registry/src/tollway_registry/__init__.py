"""The registry: workspaces and what they hold. Other services learn of it by its events."""

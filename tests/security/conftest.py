"""The workspaces of the end-to-end tests."""

from e2e.conftest import new_workspace

__all__ = ["new_workspace"]

"""Secrets: provider credentials, encrypted by Vault or OpenBao Transit, never plain at rest."""

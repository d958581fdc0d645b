"""The command `tollway`, the local stack included."""

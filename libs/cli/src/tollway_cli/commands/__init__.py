"""What `tollway` can do: one module for each noun."""

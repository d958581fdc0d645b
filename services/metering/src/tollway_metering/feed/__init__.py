"""The consumed topics: records come in, and are acknowledged once they are safe."""

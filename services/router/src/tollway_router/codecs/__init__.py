"""Wire formats, both directions: bytes and values in, bytes and values out, no I/O."""

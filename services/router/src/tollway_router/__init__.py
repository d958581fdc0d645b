"""The router: client surfaces in, upstream specs out, one usage event per attempt.

Read `app.py` first, which wires everything, and `pipeline.py` second, the one main path.
"""

"""Simulated AI providers: real wire formats, answers decided by the request, faults on demand.

An unmodified SDK steers it through the model id: `sim-echo` answers, `sim-echo;status=429` refuses,
`sim-echo;cut=5` breaks the stream after five events. `script.py` holds the grammar and README.md of
this package explains every setting, the token rule (four bytes of UTF-8 are a token) and the
endpoints under `/sim`, where the ledger tells what was given out, token by token.
"""

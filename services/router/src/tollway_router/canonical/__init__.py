"""The router's own picture of a chat: requests, answers, streams, usage, failures.

No vendor's words: each codec translates between these types and one wire format.
"""

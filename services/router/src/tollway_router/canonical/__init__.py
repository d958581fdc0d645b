"""The router's own picture of a chat: requests, answers, streams, usage, failures; no vendor's words."""

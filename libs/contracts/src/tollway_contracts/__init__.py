"""What Tollway's services agree on: vocabulary, resources, events, HTTP shapes, topics.

Depends on pydantic only and imports nothing else of Tollway. A change here is a change of contract:
the schema snapshots in `tests/contract` say whether the version before can live with it.
"""

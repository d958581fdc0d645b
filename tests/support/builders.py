"""Builders of valid things, of which a test names only what it is about."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from tollway_contracts.events import ApiKeyChanged
from tollway_contracts.resources import Deployment, Model, Provider

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
API_KEY = "tw_test-key"


def _common(kind: str, name: str) -> dict[str, Any]:
    return {
        "id": f"{kind}_{name}",
        "name": name,
        "workspace": "acme",
        "revision": 1,
        "created_at": NOW,
        "updated_at": NOW,
    }


def model(name: str = "chat", **fields: Any) -> Model:
    return Model.model_validate(_common("mdl", name) | fields)


def provider(name: str = "house", **fields: Any) -> Provider:
    defaults = {"spec": "openai-chat-completions", "base_url": "https://llm.example.com/v1"}
    return Provider.model_validate(_common("prv", name) | defaults | fields)


def deployment(name: str = "chat-a", **fields: Any) -> Deployment:
    defaults = {"model": "chat", "provider": "house", "upstream_model": "house-1"}
    return Deployment.model_validate(_common("dep", name) | defaults | fields)


def api_key(name: str = "search", plain: str = API_KEY, **fields: Any) -> ApiKeyChanged:
    defaults = {
        "id": f"key_{name}",
        "workspace": "acme",
        "name": name,
        "sha256": hashlib.sha256(plain.encode()).hexdigest(),
        "revision": 1,
    }
    return ApiKeyChanged.model_validate(defaults | fields)

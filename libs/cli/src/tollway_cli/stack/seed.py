"""The demo workspace: two models on the simulated provider, priced, and an API key.

Over HTTP with the bootstrap admin's token, like any admin. What exists is left as it is, so that a
second run changes nothing; only the simulator's address is corrected after the ports have moved.
The API key in plain text is kept nowhere but in `.tollway/env`; lost there, it is made anew.
"""

import secrets
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2

from tollway_cli.stack import envfile
from tollway_cli.stack.errors import SeedError
from tollway_cli.stack.services import Site
from tollway_contracts.resources import (
    ApiKeySpec,
    Capabilities,
    DeploymentSpec,
    ModelSpec,
    PriceSpec,
    ProviderSpec,
    UsdPerMtok,
    WorkspaceSpec,
)
from tollway_contracts.vocabulary import Spec
from tollway_contracts.wire import Wire

WORKSPACE = envfile.WORKSPACE
KEY_NAME = "demo"
CREDENTIAL = "simulator"
SEED_NEEDS = frozenset({"registry", "secrets", "simulator", "router"})
"""The services without which there is nothing to seed, or nothing that it is good for."""

_ANSWER_SECONDS = 15.0
_VISIBLE_SECONDS = 20.0
_HINT_LENGTH = 4
_VALID_FROM = datetime(2025, 1, 1, tzinfo=UTC)


def seed_demo(site: Site) -> None:
    """Make the demo workspace and put its API key into `.tollway/env`; raise SeedError if not."""
    bearer = {"Authorization": f"Bearer {site.trust.admin_token()}"}
    with httpx2.Client(headers=bearer, timeout=_ANSWER_SECONDS, trust_env=False) as client:
        registry = Collections(client, f"{site.url('registry')}/v1/workspaces")
        vault = Collections(client, f"{site.url('secrets')}/v1/workspaces/{WORKSPACE}")
        registry.ensure("", WORKSPACE, _body(WorkspaceSpec(display_name="Demo")))
        ensure_credential(vault)
        inside = Collections(client, f"{site.url('registry')}/v1/workspaces/{WORKSPACE}")
        ensure_resources(inside, site.url("simulator"))
        envfile.write(site, ensure_key(inside, envfile.api_key(site.home)))
    _await_models(site)


class Collections:
    """The collections of resources below one address, spoken to as the HTTP API is meant."""

    def __init__(self, client: httpx2.Client, url: str) -> None:
        self._client = client
        self._url = url

    def get(self, kind: str, name: str) -> httpx2.Response | None:
        """Return the answer with a resource, None when there is no such resource."""
        answer = self._call("GET", kind, name)
        return None if answer.status_code == 404 else _accepted(answer)

    def create(self, kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create a resource and return it as the API does."""
        answer = _accepted(self._call("POST", kind, json={"name": name, **body}))
        created: dict[str, Any] = answer.json()
        return created

    def ensure(self, kind: str, name: str, body: dict[str, Any]) -> None:
        """Create a resource unless it exists."""
        if self.get(kind, name) is None:
            self.create(kind, name, body)

    def change(self, kind: str, name: str, etag: str, fields: dict[str, Any]) -> None:
        """Change fields of a resource that is still as it was when `etag` was read."""
        _accepted(self._call("PATCH", kind, name, json=fields, headers={"If-Match": etag}))

    def delete(self, kind: str, name: str, etag: str) -> None:
        """Delete a resource that is still as it was when `etag` was read."""
        _accepted(self._call("DELETE", kind, name, headers={"If-Match": etag}))

    def _call(self, method: str, *path: str, **request: Any) -> httpx2.Response:
        url = "/".join(part for part in (self._url, *path) if part)
        try:
            return self._client.request(method, url, **request)
        except httpx2.HTTPError as error:
            raise SeedError(f"The demo workspace is not seeded: {method} {url}: {error}") from error


def _accepted(answer: httpx2.Response) -> httpx2.Response:
    if answer.is_success:
        return answer
    asked = f"{answer.request.method} {answer.request.url}"
    raise SeedError(
        f"The demo workspace is not seeded: {asked} answers {answer.status_code}: "
        f"{answer.text.strip()[:500]}"
    )


def _body(spec: Wire) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude_unset=True)


def ensure_credential(vault: Collections) -> None:
    """Make the credential that the simulator's providers send; it accepts any."""
    if vault.get("credentials", CREDENTIAL) is None:
        data = {"api_key": f"simulated-{secrets.token_urlsafe(24)}"}
        vault.create("credentials", CREDENTIAL, {"type": "api-key", "data": data})


def ensure_resources(inside: Collections, simulator: str) -> None:
    """Make what is missing of providers, models, deployments and prices."""
    _ensure_provider(inside, "simulator-openai", Spec.OPENAI_CHAT_COMPLETIONS, f"{simulator}/v1")
    _ensure_provider(inside, "simulator-anthropic", Spec.ANTHROPIC, simulator)
    for name, model in _models().items():
        inside.ensure("models", name, _body(model))
    for name, deployment in _deployments().items():
        inside.ensure("deployments", name, _body(deployment))
    for name, price in _prices().items():
        inside.ensure("prices", name, _body(price))


def _ensure_provider(inside: Collections, name: str, spec: Spec, base_url: str) -> None:
    found = inside.get("providers", name)
    if found is None:
        wanted = ProviderSpec(spec=spec, base_url=base_url, credential=CREDENTIAL)
        inside.create("providers", name, _body(wanted))
    elif found.json()["base_url"] != base_url:
        inside.change("providers", name, found.headers["etag"], {"base_url": base_url})


def _models() -> dict[str, ModelSpec]:
    return {
        "demo-chat": ModelSpec(
            display_name="Demo chat",
            description={"en": "A simulated model that speaks OpenAI's format"},
            context_window=128_000,
            max_output_tokens=16_384,
            capabilities=Capabilities(image_analysis=True),
        ),
        "demo-claude": ModelSpec(
            display_name="Demo Claude",
            description={"en": "A simulated model that speaks Anthropic's format"},
            context_window=200_000,
            max_output_tokens=64_000,
            capabilities=Capabilities(image_analysis=True),
        ),
    }


def _deployments() -> dict[str, DeploymentSpec]:
    return {
        "demo-chat": DeploymentSpec(
            model="demo-chat", provider="simulator-openai", upstream_model="sim-prose"
        ),
        "demo-claude": DeploymentSpec(
            model="demo-claude", provider="simulator-anthropic", upstream_model="sim-prose"
        ),
    }


def _prices() -> dict[str, PriceSpec]:
    chat = UsdPerMtok(input=Decimal("0.25"), output=Decimal("2.00"), cache_read=Decimal("0.025"))
    claude = UsdPerMtok(
        input=Decimal("3.00"),
        output=Decimal("15.00"),
        cache_read=Decimal("0.30"),
        cache_write=Decimal("3.75"),
        cache_write_1h=Decimal("6.00"),
    )
    return {
        "demo-chat": PriceSpec(model="demo-chat", valid_from=_VALID_FROM, usd_per_mtok=chat),
        "demo-claude": PriceSpec(model="demo-claude", valid_from=_VALID_FROM, usd_per_mtok=claude),
    }


def ensure_key(inside: Collections, known: str | None) -> str:
    """Return the demo key in plain text: the known one if it is still the registry's."""
    found = inside.get("keys", KEY_NAME)
    if found is not None:
        if known is not None and known[-_HINT_LENGTH:] == found.json()["hint"][-_HINT_LENGTH:]:
            return known
        inside.delete("keys", KEY_NAME, found.headers["etag"])
    created = inside.create("keys", KEY_NAME, _body(ApiKeySpec(tags={"team": "demo"})))
    key: str = created["key"]
    return key


def _await_models(site: Site) -> None:
    """Wait until the router has heard of the models, so that what `up` prints works at once."""
    bearer = {"Authorization": f"Bearer {envfile.api_key(site.home)}"}
    deadline = time.monotonic() + _VISIBLE_SECONDS
    with httpx2.Client(headers=bearer, timeout=_ANSWER_SECONDS, trust_env=False) as client:
        while (why_not := _why_not_visible(client, site.url("router"))) is not None:
            if time.monotonic() > deadline:
                raise SeedError(
                    "The demo workspace is seeded, but the router did not hear of it within "
                    f"{_VISIBLE_SECONDS:.0f} s: {why_not}. See: tollway logs registry"
                )
            time.sleep(0.1)


def _why_not_visible(client: httpx2.Client, router: str) -> str | None:
    try:
        answer = client.get(f"{router}/v1/models")
    except httpx2.HTTPError as error:
        return str(error)
    if not answer.is_success:
        return f"GET /v1/models answers {answer.status_code}"
    known = {model["id"] for model in answer.json()["data"]}
    missing = sorted(set(_models()) - known)
    return f"GET /v1/models lacks {', '.join(missing)}" if missing else None

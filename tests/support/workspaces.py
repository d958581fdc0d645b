"""A workspace of a running stack, set up over HTTP as an admin would."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx2

from tollway_cli.stack import Stack

WITHIN_SECONDS = 10.0

T = TypeVar("T")


class Workspace:
    """Creates resources and asks for reports in one workspace, with the admin's token."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.name = name
        self.addresses = stack.addresses
        token = stack.env["TOLLWAY_ADMIN_TOKEN"]
        self._http = httpx2.AsyncClient(
            headers={"authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def make(self) -> "Workspace":
        """Create the workspace itself."""
        await self._send("POST", self.addresses.registry, "/v1/workspaces", {"name": self.name})
        return self

    async def create(self, kind: str, name: str, **fields: Any) -> dict[str, Any]:
        """Create a resource of the registry: `providers`, `models`, ..."""
        return await self._send(
            "POST", self.addresses.registry, self._path(kind), {"name": name, **fields}
        )

    async def change(self, kind: str, name: str, **fields: Any) -> dict[str, Any]:
        path = self._path(f"{kind}/{name}")
        return await self._send("PATCH", self.addresses.registry, path, fields)

    async def delete(self, kind: str, name: str) -> None:
        await self._send("DELETE", self.addresses.registry, self._path(f"{kind}/{name}"))

    async def credential(self, name: str, api_key: str) -> dict[str, Any]:
        body = {"name": name, "type": "api-key", "data": {"api_key": api_key}}
        return await self._send("POST", self.addresses.secrets, self._path("credentials"), body)

    async def rotate(self, name: str, api_key: str) -> dict[str, Any]:
        path = self._path(f"credentials/{name}")
        body = {"data": {"api_key": api_key}}
        return await self._send("PATCH", self.addresses.secrets, path, body)

    async def key(self, name: str = "client", **fields: Any) -> str:
        """Create an API key and return it in plain text."""
        made = await self.create("keys", name, **fields)
        return str(made["key"])

    async def model(
        self, name: str, provider: str, upstream_model: str = "sim-echo", **fields: Any
    ) -> None:
        """Create a model with one deployment on a provider."""
        await self.create("models", name, **fields)
        deployment = f"{name.lower().replace('/', '-')}-a"
        await self.create(
            "deployments",
            deployment,
            model=name,
            provider=provider,
            upstream_model=upstream_model,
        )

    async def price(self, model: str, name: str | None = None, **usd_per_mtok: str) -> None:
        await self.create(
            "prices",
            name or f"{model}-price",
            model=model,
            valid_from="2020-01-01T00:00:00Z",
            usd_per_mtok=usd_per_mtok,
        )

    async def routed(self, key: str, *models: str) -> None:
        """Wait until the router lists these models for the key."""

        async def listed() -> bool:
            answer = await self._http.get(
                f"{self.addresses.router}/v1/models", headers={"authorization": f"Bearer {key}"}
            )
            if answer.status_code != httpx2.codes.OK:
                return False
            return {*models} <= {model["id"] for model in answer.json()["data"]}

        await until(listed, f"the router to know {models}")

    async def usage(self, request_id: str, attempts: int = 1) -> list[dict[str, Any]]:
        """Wait for a request's metered attempts and return them in order."""

        async def metered() -> list[dict[str, Any]] | None:
            path = self._path(f"usage?request_id={request_id}")
            found = await self._send("GET", self.addresses.metering, path)
            items: list[dict[str, Any]] = found["items"]
            return items if len(items) >= attempts else None

        items = await until(metered, f"{attempts} usage events of {request_id}")
        assert len(items) == attempts
        return sorted(items, key=lambda item: item["attempt"])

    async def costs(self, **query: str) -> dict[str, Any]:
        path = self._path("costs")
        return await self._send("GET", self.addresses.metering, path, query=query)

    async def receipt(self, charge: str) -> dict[str, Any]:
        path = self._path(f"charges/{charge}/receipt")
        return await self._send("GET", self.addresses.metering, path)

    def _path(self, rest: str) -> str:
        return f"/v1/workspaces/{self.name}/{rest}"

    async def _send(
        self,
        method: str,
        base: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        answer = await self._http.request(method, base + path, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


async def until(check: Callable[[], Awaitable[T]], what: str) -> T:
    """Ask again and again until the answer is not falsy, and return it."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        if found := await check():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited {WITHIN_SECONDS} s in vain for {what}")

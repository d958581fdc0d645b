"""Requests to Tollway's services: JSON in, JSON out, problems as errors.

A write carries an `Idempotency-Key`, so that one whose answer is lost on the way is sent again and
still happens once.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tollway_cli import exact_json
from tollway_cli.api.failure import Problem, Refused, Strange, Unreachable
from tollway_cli.api.settings import Connection, Service
from tollway_cli.errors import CommandError

Object = dict[str, Any]

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
ATTEMPTS = 3
PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
PAGE = 500

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WRITES = frozenset({"POST", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer: its JSON object (empty for 204) and the ETag of what it shows."""

    body: Object
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """One service, as an admin sees it. `connection` says where it is and with which token."""

    service: Service
    connection: Connection
    answer_seconds: float = ANSWER_SECONDS

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Read."""
        return self._send("GET", path, params=params)

    def items(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Object]:
        """Yield a list's items, page after page."""
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = self._send("GET", path, params={"limit": str(PAGE), **(params or {}), **more})
            yield from self._items_of(page.body)
            cursor = page.body.get("next")
            if not cursor:
                return

    def post(self, path: str, body: Object) -> Answer:
        """Create, or start something."""
        return self._send("POST", path, body=body)

    def patch(self, path: str, body: Object, etag: str | None) -> Answer:
        """Change what is still as it was when `etag` was read, by a JSON merge patch."""
        return self._send("PATCH", path, body=body, headers={"if-match": etag} if etag else {})

    def delete(self, path: str) -> None:
        """Delete."""
        self._send("DELETE", path)

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        url = self.connection.url(self.service)
        token = self.connection.admin_token(self.service)
        sent = {"authorization": f"Bearer {token}", "accept": "application/json", **(headers or {})}
        if method in _WRITES:
            sent["idempotency-key"] = str(uuid.uuid4())
        content = None
        if body is not None:
            sent["content-type"] = "application/json"
            content = _encoded(body)
        with http_client(url, self.answer_seconds) as client:
            request = _request(client, method, url + path, params, sent, content)
            return self._understood(self._answered(client, request, url), url)

    def _answered(
        self, client: httpx2.Client, request: httpx2.Request, url: str
    ) -> httpx2.Response:
        """Send a request, again if need be: a lost answer or a service that is not ready yet."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = client.send(request)
            except httpx2.HTTPError as error:
                if attempt == ATTEMPTS or not _may_pass(error):
                    raise Unreachable(self.service, url, why_silent(error)) from error
                time.sleep(PAUSE_SECONDS * attempt)
            else:
                if attempt == ATTEMPTS or answer.status_code != 503:
                    return answer
                time.sleep(_pause(answer, PAUSE_SECONDS * attempt))
        raise AssertionError("the last attempt returns or raises")

    def _understood(self, answer: httpx2.Response, url: str) -> Answer:
        if answer.status_code == 204:
            return Answer({})
        document = _json_object(answer)
        if answer.is_success and document is not None:
            return Answer(document, answer.headers.get("etag"))
        problem = Problem.read(answer.status_code, document or {})
        if problem is None:
            what = "no JSON object" if answer.is_success else f"status {answer.status_code}"
            raise Strange(self.service, url, what)
        advice = "The token is TOLLWAY_ADMIN_TOKEN." if problem.status == 401 else ""
        raise Refused(problem, advice)

    def _items_of(self, page: Object) -> list[Object]:
        items = page.get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            url = self.connection.url(self.service)
            raise Strange(self.service, url, "a list without items")
        return items


def http_client(url: str, answer_seconds: float) -> httpx2.Client:
    """Return a client for an address. What runs on this machine is never asked by a proxy."""
    timeout = httpx2.Timeout(answer_seconds, connect=CONNECT_SECONDS)
    return httpx2.Client(timeout=timeout, trust_env=urlsplit(url).hostname not in _LOOPBACK)


def why_silent(error: httpx2.HTTPError) -> str:
    """Return, in a few words, why there is no answer."""
    if isinstance(error, httpx2.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, httpx2.ConnectError):
        return "connection refused" if "refused" in str(error).lower() else str(error)
    if isinstance(error, httpx2.TimeoutException):
        return "it took too long"
    return str(error) or type(error).__name__


def _encoded(body: Object) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CommandError(f"This cannot be said in JSON: {error}.") from error


def _request(
    client: httpx2.Client,
    method: str,
    url: str,
    params: Mapping[str, str] | None,
    headers: Mapping[str, str],
    content: bytes | None,
) -> httpx2.Request:
    try:
        return client.build_request(method, url, params=params, headers=headers, content=content)
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise CommandError(f"This cannot be asked: {url} is no address.") from error


def _may_pass(error: httpx2.HTTPError) -> bool:
    """Whether it was the answer that got lost; a service that is not there will not come."""
    return not isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol)


def _pause(answer: httpx2.Response, otherwise: float) -> float:
    asked = answer.headers.get("retry-after", "")
    seconds = float(asked) if asked.isascii() and asked.isdigit() else otherwise
    return min(seconds, LONGEST_PAUSE_SECONDS)


def _json_object(answer: httpx2.Response) -> Object | None:
    try:
        document = exact_json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None

"""Recorded provider traffic, which stands beside the repository at ../shared/corpus."""

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and what a provider answered."""

    id: str
    spec: str
    provider: str
    dialect: str
    model: str | None
    provenance: str
    streaming: bool
    request_body: Any
    status: int
    content_type: str
    encoding: str
    response_body: Any
    usage: tuple[dict[str, Any], ...]

    def body_bytes(self) -> bytes:
        """The answer as bytes; a recorded JSON body is written out again."""
        if self.encoding == "base64":
            return base64.b64decode(self.response_body)
        if self.encoding == "text":
            return str(self.response_body).encode()
        return json.dumps(self.response_body, ensure_ascii=False).encode()

    def request_bytes(self) -> bytes:
        """The request as bytes."""
        return json.dumps(self.request_body, ensure_ascii=False).encode()

    @property
    def is_event_stream(self) -> bool:
        """Whether the answer is server-sent events."""
        return self.encoding == "text" and self.status < 400


def corpus_dir() -> Path | None:
    """Where the recordings are; None without them, which a CI run does not accept."""
    found = _REPOSITORY.parent / "shared" / "corpus"
    if (found / "x").is_dir():
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"no recordings at {found}, and CI=true wants them")
    return None


@cache
def _all() -> tuple[Exchange, ...]:
    home = corpus_dir()
    return () if home is None else tuple(map(_load, sorted((home / "x").glob("*.json"))))


def _load(path: Path) -> Exchange:
    record = json.loads(path.read_text(encoding="utf-8"))
    return Exchange(
        id=record["id"],
        spec=record["spec"],
        provider=record["provider"],
        dialect=record["dialect"],
        model=record["model"],
        provenance=record["provenance"],
        streaming=bool(record["streaming"]),
        request_body=record["request_body"],
        status=record["response_status"],
        content_type=record["response_content_type"],
        encoding=record["response_encoding"],
        response_body=record["response_body"],
        usage=tuple(one["usage"] for one in record["usage"] or ()),
    )


def exchanges(*, spec: str | None = None, dialect: str | None = None) -> Iterator[Exchange]:
    """The recordings of a spec, of a dialect, or of both."""
    for exchange in _all():
        if spec in (None, exchange.spec) and dialect in (None, exchange.dialect):
            yield exchange


def cases(chosen: Iterator[Exchange]) -> list[Any]:
    """Test parameters, one per recording; a single skipped one where there are none."""
    parameters = [pytest.param(exchange, id=exchange.id) for exchange in chosen]
    reason = f"needs recorded provider traffic in {_REPOSITORY.parent / 'shared' / 'corpus'}"
    return parameters or [pytest.param(None, marks=pytest.mark.skip(reason=reason))]

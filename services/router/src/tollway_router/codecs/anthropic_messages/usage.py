"""Usage in Messages: disjoint already; the total input is the sum of three fields."""

from collections.abc import Mapping
from typing import Any

from tollway_router.canonical.usage import Tally, UsageReport, total

# A region that says nothing.
_NO_REGION = frozenset({"not_available", ""})


def read_usage(raw: dict[str, Any]) -> UsageReport:
    """A usage object in meters.

    `iterations` may hold tokens of other models (advisors, fallbacks) that the top level lacks:
    they stay in `raw`, and a flag says so.
    """
    tally = Tally()
    tally.put("input_uncached", tally.count(raw.get("input_tokens")))
    tally.put("cache_read", tally.count(raw.get("cache_read_input_tokens")))
    _read_written(raw, tally)
    tally.put("output", tally.count(raw.get("output_tokens")))
    thought = _mapping(raw, "output_tokens_details").get("thinking_tokens")
    tally.put("reasoning", tally.count(thought))
    searches = _mapping(raw, "server_tool_use").get("web_search_requests")
    tally.put("web_searches", tally.count(searches))
    if raw.get("iterations"):
        tally.flag("usage_iterations")
    return UsageReport(
        raw=raw,
        meters=tally.meters,
        flags=tuple(tally.flags),
        service_tier=_text(raw.get("service_tier")),
        region=_region(raw.get("inference_geo")),
    )


def _read_written(raw: dict[str, Any], tally: Tally) -> None:
    """Cache writes by their time to live; what the split does not cover counts as five minutes."""
    flat = tally.count(raw.get("cache_creation_input_tokens"))
    split = _mapping(raw, "cache_creation")
    five = tally.count(split.get("ephemeral_5m_input_tokens"))
    hour = tally.count(split.get("ephemeral_1h_input_tokens"))
    if flat is None:
        tally.put("cache_write_5m", five)
        tally.put("cache_write_1h", hour)
        return
    if split and (five or 0) + (hour or 0) != flat:
        tally.flag("cache_write_split_mismatch")
    kept_hour = min(hour or 0, flat)
    tally.put("cache_write_5m", flat - kept_hour)
    if hour is not None:
        tally.put("cache_write_1h", kept_hour)


def merged(seen: dict[str, Any] | None, later: Mapping[str, Any]) -> dict[str, Any]:
    """Usage over a stream: cumulative, so each field's last value counts; null says nothing."""
    return {**(seen or {}), **{k: v for k, v in later.items() if v is not None}}


def write_usage(usage: UsageReport) -> dict[str, Any]:
    """A usage object; the four counts are always there, as clients expect, the rest if stated."""
    meters = usage.meters
    written: dict[str, Any] = {
        "input_tokens": total(meters, ("input_uncached", "input_audio", "input_image")),
        "cache_creation_input_tokens": total(meters, ("cache_write_5m", "cache_write_1h")),
        "cache_read_input_tokens": meters.get("cache_read", 0),
        "output_tokens": total(meters, ("output", "output_audio", "output_image")),
    }
    if "cache_write_5m" in meters or "cache_write_1h" in meters:
        written["cache_creation"] = {
            "ephemeral_5m_input_tokens": meters.get("cache_write_5m", 0),
            "ephemeral_1h_input_tokens": meters.get("cache_write_1h", 0),
        }
    if "reasoning" in meters:
        written["output_tokens_details"] = {"thinking_tokens": meters["reasoning"]}
    if "web_searches" in meters:
        written["server_tool_use"] = {
            "web_search_requests": meters["web_searches"],
            "web_fetch_requests": 0,
        }
    return written


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _region(value: object) -> str | None:
    text = _text(value)
    return None if text in _NO_REGION else text

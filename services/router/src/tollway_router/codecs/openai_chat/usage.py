"""Usage in chat completions: read into disjoint meters, written from them.

prompt_tokens includes cached, written, audio and image tokens; completion_tokens includes
reasoning (but at xAI) and audio.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tollway_router.canonical.usage import (
    INPUT_METERS,
    OUTPUT_METERS,
    Tally,
    UsageReport,
    total,
)
from tollway_router.codecs.codec import Quirks


class Metered(msgspec.Struct):
    """What usage needs of a whole answer or of a chunk; `x_groq` is where Groq puts it."""

    usage: Any = None
    service_tier: Any = None
    x_groq: Any = None

    def raw_usage(self) -> dict[str, Any] | None:
        """The usage object, if there is one."""
        if isinstance(self.usage, dict):
            return self.usage
        nested = self.x_groq.get("usage") if isinstance(self.x_groq, dict) else None
        return nested if isinstance(nested, dict) else None


def read_usage(raw: dict[str, Any], served_tier: object, quirks: Quirks) -> UsageReport:
    """A usage object in disjoint meters; `served_tier` is the answer's own `service_tier`."""
    tally = Tally()
    _read_input(raw, tally, quirks)
    _read_output(raw, tally, quirks)
    searches = _mapping(raw, "server_tool_use_details").get("web_search_requests")
    tally.put("web_searches", tally.count(searches))
    tier = served_tier if isinstance(served_tier, str) and served_tier else raw.get("service_tier")
    return UsageReport(
        raw=raw,
        meters=tally.meters,
        flags=tuple(tally.flags),
        service_tier=tier if isinstance(tier, str) and tier else None,
    )


def _read_input(raw: dict[str, Any], tally: Tally, quirks: Quirks) -> None:
    details = _mapping(raw, "prompt_tokens_details")
    cached = _cached(raw, details, tally)
    written_5m, written_1h = _written(details, tally)
    audio = tally.count(details.get("audio_tokens"))
    image = tally.count(details.get("image_tokens"))
    tally.put("cache_read", cached)
    tally.put("cache_write_5m", written_5m)
    tally.put("cache_write_1h", written_1h)
    prompt = tally.count(raw.get("prompt_tokens"))
    if prompt is None:
        tally.put("input_audio", audio)
        tally.put("input_image", image)
        return
    fresh = _fresh(raw, prompt, cached or 0, (written_5m or 0) + (written_1h or 0), tally, quirks)
    # Cached audio and images are counted as cached: what is fresh of them fits into the rest.
    for meter, stated in (("input_audio", audio), ("input_image", image)):
        if stated is not None:
            if stated > fresh:
                tally.flag("modalities_overlap_cache")
            tally.put(meter, min(stated, fresh))
            fresh -= min(stated, fresh)
    tally.put("input_uncached", fresh)


def _fresh(
    raw: dict[str, Any], prompt: int, cached: int, written: int, tally: Tally, quirks: Quirks
) -> int:
    """The part of the prompt that is neither from the cache nor new in it.

    xAI's models, wherever they run, may count a cached preamble that is not in the prompt; their
    usage is known by `num_sources_used`. Gemini by way of OpenRouter reads and writes the same
    tokens: they are both, and taken out of the prompt once.
    """
    if cached + written <= prompt:
        return prompt - cached - written
    if max(cached, written) <= prompt:
        tally.flag("cache_read_and_written")
        return prompt - max(cached, written)
    tally.flag("cached_exceeds_input")
    if quirks.cached_can_exceed_input or "num_sources_used" in raw:
        tally.flag("cached_beside_input")
        return prompt
    return 0


def _cached(raw: dict[str, Any], details: Mapping[str, Any], tally: Tally) -> int | None:
    """Cached tokens by OpenAI's name, then DeepSeek's, Moonshot's and Mistral's."""
    for place, name in (
        (details, "cached_tokens"),
        (raw, "prompt_cache_hit_tokens"),
        (raw, "cached_tokens"),
        (raw, "num_cached_tokens"),
    ):
        count = tally.count(place.get(name))
        if count is not None:
            return count
    return None


def _written(details: Mapping[str, Any], tally: Tally) -> tuple[int | None, int | None]:
    """Tokens written to the cache; without a split they count as the five-minute kind."""
    flat = tally.count(details.get("cache_write_tokens"))
    if flat is None:
        flat = tally.count(details.get("cache_creation_input_tokens"))
    split = _mapping(details, "cache_creation")
    hour = tally.count(split.get("ephemeral_1h_input_tokens"))
    if flat is None:
        return tally.count(split.get("ephemeral_5m_input_tokens")), hour
    return tally.take(flat, hour or 0, "cache_write_split_mismatch"), hour


def _read_output(raw: dict[str, Any], tally: Tally, quirks: Quirks) -> None:
    details = _mapping(raw, "completion_tokens_details")
    reasoning = tally.count(details.get("reasoning_tokens"))
    tally.put("reasoning", reasoning)
    completion = tally.count(raw.get("completion_tokens"))
    if completion is None:
        return
    if reasoning and _reasoning_is_outside(raw, completion, reasoning, tally, quirks):
        completion += reasoning
    if (reasoning or 0) > completion:
        tally.flag("reasoning_exceeds_output")
    for meter, name in (("output_audio", "audio_tokens"), ("output_image", "image_tokens")):
        stated = tally.count(details.get(name))
        if stated is not None:
            if stated > completion:
                tally.flag("modalities_exceed_output")
            tally.put(meter, min(stated, completion))
            completion -= min(stated, completion)
    tally.put("output", completion)


def _reasoning_is_outside(
    raw: dict[str, Any], completion: int, reasoning: int, tally: Tally, quirks: Quirks
) -> bool:
    """Whether reasoning must be added: by the total if it decides, else by what is known."""
    prompt = tally.count(raw.get("prompt_tokens"))
    stated_total = tally.count(raw.get("total_tokens"))
    if prompt is not None and stated_total is not None:
        if stated_total == prompt + completion + reasoning:
            return True
        if stated_total == prompt + completion:
            return False
    return quirks.reasoning_outside_completion


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def write_usage(usage: UsageReport) -> dict[str, Any]:
    """A usage object: sums that include their parts, and details only where they were stated."""
    meters = usage.meters
    prompt, completion = total(meters, INPUT_METERS), total(meters, OUTPUT_METERS)
    written: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if prompt_details := _prompt_details(meters):
        written["prompt_tokens_details"] = prompt_details
    if completion_details := _stated(
        meters, reasoning="reasoning_tokens", output_audio="audio_tokens"
    ):
        written["completion_tokens_details"] = completion_details
    if "web_searches" in meters:
        written["server_tool_use_details"] = {"web_search_requests": meters["web_searches"]}
    return written


def _prompt_details(meters: Mapping[str, int]) -> dict[str, Any]:
    details: dict[str, Any] = _stated(
        meters, cache_read="cached_tokens", input_audio="audio_tokens"
    )
    five, hour = meters.get("cache_write_5m"), meters.get("cache_write_1h")
    if five is not None or hour is not None:
        details["cache_write_tokens"] = (five or 0) + (hour or 0)
    if hour is not None:
        details["cache_creation"] = {
            "ephemeral_5m_input_tokens": five or 0,
            "ephemeral_1h_input_tokens": hour,
        }
    return details


def _stated(meters: Mapping[str, int], **names: str) -> dict[str, Any]:
    return {name: meters[meter] for meter, name in names.items() if meter in meters}

"""What an answer consumed: the provider's own words and disjoint meters beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Usage of one upstream attempt.

    `raw` is the provider's usage object verbatim. `meters` counts tokens (or requests, images,
    seconds, searches) without overlap, except `reasoning`, which informs about a part of
    `output`. A meter that the provider did not state has no key; a stated zero stays. Counts are
    never negative: what does not add up is clamped and named in `flags`:

    - `cached_exceeds_input`: more cached than the whole input; fresh input is 0, unless also
    - `cached_beside_input`: the vendor is known to count cached tokens apart, all input is fresh;
    - `cache_read_and_written`: the same tokens were read and written, and count as both;
    - `modalities_overlap_cache`, `modalities_exceed_output`: audio or images did not fit in;
    - `reasoning_exceeds_output`: more reasoning than output, and no total that explains it;
    - `cache_write_split_mismatch`: writes by lifetime do not add up to the stated sum;
    - `usage_iterations`: `raw` holds tokens, perhaps of other models, beside the top level;
    - `count_negative`, `count_not_whole`: a count that is none.
    """

    raw: dict[str, Any]
    meters: dict[str, int]
    flags: tuple[str, ...] = ()
    service_tier: str | None = None
    region: str | None = None


INPUT_METERS = (
    "input_uncached",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "input_audio",
    "input_image",
)
OUTPUT_METERS = ("output", "output_audio", "output_image")


def total(meters: Mapping[str, int], names: tuple[str, ...]) -> int:
    """The sum of the named meters; one that is absent adds nothing."""
    return sum(meters.get(name, 0) for name in names)


@dataclass(slots=True)
class Tally:
    """Collects meters and flags while a usage object is read; keeps counts from going below 0."""

    meters: dict[str, int] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)

    def flag(self, name: str) -> None:
        """Note once that something did not add up."""
        if name not in self.flags:
            self.flags.append(name)

    def count(self, value: object) -> int | None:
        """A count as the provider stated it: whole, not negative; None when it stated none."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if value != value or value in (float("inf"), float("-inf")):
            return None
        whole = int(value)
        if whole != value:
            self.flag("count_not_whole")
        if whole < 0:
            self.flag("count_negative")
            return 0
        return whole

    def put(self, meter: str, value: int | None) -> None:
        """State a meter, unless the provider did not."""
        if value is not None:
            self.meters[meter] = value

    def take(self, total_count: int, parts: int, flag: str) -> int:
        """What is left of a total after its parts, clamped at zero with a flag."""
        if parts > total_count:
            self.flag(flag)
            return 0
        return total_count - parts

from tollway_simulator.ask import Segment, text_segment
from tollway_simulator.cache import PromptCache
from tollway_simulator.usage import Usage


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def words(tokens: int, letter: str = "a", mark: str = "") -> Segment:
    return text_segment(letter * 4 * tokens, mark)  # type: ignore[arg-type]


def test_a_marked_prefix_is_written_first_and_read_then() -> None:
    cache = PromptCache(Clock())
    prompt = [words(2000, mark="5m"), words(10, "q")]
    assert cache.marked("key", prompt, 1024) == Usage(input_uncached=10, cache_write_5m=2000)
    assert cache.marked("key", prompt, 1024) == Usage(input_uncached=10, cache_read=2000)


def test_two_lifetimes_are_written_apart() -> None:
    cache = PromptCache(Clock())
    prompt = [words(2000, mark="1h"), words(300, "b", "5m"), words(10, "q")]
    first = cache.marked("key", prompt, 1024)
    assert first == Usage(input_uncached=10, cache_write_1h=2000, cache_write_5m=300)


def test_a_longer_conversation_reads_its_old_part_and_writes_its_new_one() -> None:
    cache = PromptCache(Clock())
    cache.marked("key", [words(2000), words(10, "q", "5m")], 1024)
    grown = [words(2000), words(10, "q"), words(20, "r"), words(5, "s", "5m")]
    assert cache.marked("key", grown, 1024) == Usage(
        input_uncached=0, cache_read=2010, cache_write_5m=25
    )


def test_a_prefix_under_the_minimum_is_not_cached() -> None:
    cache = PromptCache(Clock())
    prompt = [words(100, mark="5m"), words(10)]
    assert cache.marked("key", prompt, 1024) == cache.marked("key", prompt, 1024)
    assert cache.marked("key", prompt, 1024) == Usage(input_uncached=110)


def test_an_entry_expires_unless_it_is_read() -> None:
    clock = Clock()
    cache = PromptCache(clock)
    prompt = [words(2000, mark="5m")]
    cache.marked("key", prompt, 1024)
    clock.now = 299
    assert cache.marked("key", prompt, 1024).cache_read == 2000
    clock.now = 598
    assert cache.marked("key", prompt, 1024).cache_read == 2000
    clock.now = 899
    assert cache.marked("key", prompt, 1024).cache_write_5m == 2000


def test_keys_do_not_share_a_cache() -> None:
    cache = PromptCache(Clock())
    prompt = [words(2000, mark="5m")]
    cache.marked("one", prompt, 1024)
    assert cache.marked("two", prompt, 1024).cache_read == 0


def test_the_automatic_cache_reads_in_steps_of_128_tokens() -> None:
    cache = PromptCache(Clock())
    prompt = [words(1500), words(10, "q")]
    assert cache.automatic("key", prompt, 1024) == Usage(input_uncached=1510)
    again = cache.automatic("key", [words(1500), words(40, "r")], 1024)
    assert again == Usage(input_uncached=1540 - 1408, cache_read=1408)  # 11 * 128 = 1408


def test_a_short_prompt_is_not_cached_automatically() -> None:
    cache = PromptCache(Clock())
    for _ in range(2):
        assert cache.automatic("key", [words(1023)], 1024) == Usage(input_uncached=1023)


def test_images_are_told_apart_in_the_automatic_cache() -> None:
    cache = PromptCache(Clock())
    cache.automatic("key", [Segment('"image one"', 8192)], 1024)
    assert cache.automatic("key", [Segment('"image two"', 8192)], 1024).cache_read == 0
    assert cache.automatic("key", [Segment('"image one"', 8192)], 1024).cache_read == 2048


def test_a_full_cache_forgets_the_oldest_prefix() -> None:
    cache = PromptCache(Clock(), capacity=1)
    cache.marked("key", [words(2000, "a", "5m")], 1024)
    cache.marked("key", [words(2000, "b", "5m")], 1024)
    assert cache.marked("key", [words(2000, "a", "5m")], 1024).cache_read == 0

import pytest

from tollway_simulator.prose import prose
from tollway_simulator.tokens import clip, count, pieces

TEXTS = ["", "a", "abcd", "abcde", "größer als 4 €", "日本語のテキスト", "🙂🙃🙂", "mixed 🙂 ascii"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_token_is_four_bytes_and_a_started_one_counts(text: str) -> None:
    assert count(text) == -(-len(text.encode()) // 4)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("batch", [1, 2, 50])
def test_pieces_join_to_the_text_and_their_last_count_is_the_texts(text: str, batch: int) -> None:
    made = list(pieces(text, batch))
    assert "".join(piece for piece, _ in made) == text
    assert [tokens for _, tokens in made] == sorted(tokens for _, tokens in made)
    assert (made[-1][1] if made else 0) == count(text)


def test_an_ascii_text_has_one_piece_for_each_token() -> None:
    assert list(pieces("hello there")) == [("hell", 1), ("o th", 2), ("ere", 3)]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("limit", [0, 1, 2, 100])
def test_a_clipped_text_fits_its_limit(text: str, limit: int) -> None:
    kept = clip(text, limit)
    assert text.startswith(kept)
    assert count(kept) <= limit
    assert kept == text or count(text) > limit


@pytest.mark.parametrize("tokens", [0, 1, 7, 5000])
def test_prose_has_exactly_the_tokens_asked_for(tokens: int) -> None:
    assert count(prose("seed", tokens)) == tokens
    assert prose("seed", tokens) == prose("seed", tokens)

"""Text without meaning but with a length: the same seed and size always give the same words."""

import hashlib

from tollway_simulator.tokens import BYTES_PER_TOKEN

_SENTENCES = (
    "The bridge opens at dawn, and the first lorry waits with its engine off. ",
    "Nobody counts the coins twice, because the box counts them once and keeps the sum. ",
    "A light turns green when the barrier is up; a bell rings when it is not. ",
    "In winter the keeper sweeps the ramp before the road fills with salt and snow. ",
    "Every ticket has a number, and every number has a line in the grey book. ",
    "Some drivers ask for the way to the coast, others only want their change. ",
    "At noon two queues become one, and the slow lane learns to be patient. ",
    "The river below takes no part in this and carries barges to the south. ",
    "When the evening shift arrives, both keepers sign under the last figure. ",
    "What was paid is written down, and what is written down can be read again. ",
)


def prose(seed: str, tokens: int) -> str:
    """Exactly `tokens` tokens (four ASCII characters each), chosen by the seed."""
    digest = hashlib.blake2b(seed.encode(errors="replace"), digest_size=4).digest()
    start = int.from_bytes(digest, "big") % len(_SENTENCES)
    lap = "".join(_SENTENCES[start:] + _SENTENCES[:start])
    size = tokens * BYTES_PER_TOKEN
    return (lap * (size // len(lap) + 1))[:size]

"""API keys as strings: how they are made, and what is kept of them."""

import hashlib
import secrets
from dataclasses import dataclass, field

PREFIX = "tw_"
RANDOM_BYTES = 32
HINT_LENGTH = 4


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key. Only its digest and its last characters outlive the request that made it."""

    plain: str = field(repr=False)

    @property
    def facts(self) -> dict[str, str]:
        """What is stored. The digest needs no salt: the key is random and too long to be tried."""
        digest = hashlib.sha256(self.plain.encode()).hexdigest()
        return {"sha256": digest, "hint": self.plain[-HINT_LENGTH:]}


def mint() -> MintedKey:
    """Return a key that nobody has."""
    return MintedKey(PREFIX + secrets.token_urlsafe(RANDOM_BYTES))

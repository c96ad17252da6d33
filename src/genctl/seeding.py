"""Seeds for keyed randomness: a draw is a pure function of what it is for."""

from __future__ import annotations

import hashlib


def seed_of(*key: int | str) -> int:
    """A 63-bit seed for ``key``, well mixed, the same on every machine and in every process."""
    text = "\x1f".join(str(part) for part in key)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1

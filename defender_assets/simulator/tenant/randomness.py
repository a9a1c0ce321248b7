"""Seeded randomness: the same names give the same draws, whatever was drawn before.

Here: generators, digests and identifiers from (seed, names). Not here: what they decide (the modules of the rows).
"""

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

_T = TypeVar("_T")


def rng_for(seed: int, *names: object) -> Random:
    """An independent random generator for one thing of the tenant."""
    return Random("/".join(map(str, (seed, *names))))


def digest(seed: int, *names: object, size: int = 16) -> bytes:
    return blake2b("/".join(map(str, (seed, *names))).encode(), digest_size=size).digest()


def uniform(seed: int, *names: object) -> float:
    """A number in [0, 1); cheaper than a generator where only one number is needed."""
    return int.from_bytes(digest(seed, *names, size=7), "big") / (1 << 56)


def guid(seed: int, *names: object) -> str:
    text = digest(seed, *names).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def weighted_choice(u: float, choices: Sequence[tuple[_T, float]]) -> _T:
    """The choice whose part of [0, 1) contains ``u``. Weights add up to 1; the last choice takes what is left."""
    for value, weight in choices:
        u -= weight
        if u < 0:
            return value
    return choices[-1][0]

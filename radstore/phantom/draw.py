"""Random numbers that depend on who and what, never on how many came before."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from radstore.phantom.template import Spread


def stream(seed: int, number: int, purpose: str) -> np.random.Generator:
    """The generator of one patient or case (`number`) for one purpose.

    Streams are independent of each other, so that a new quantity leaves the old ones as they were.
    """
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([seed, number, crc32(purpose.encode())]))
    )


def draw(rng: np.random.Generator, spread: Spread) -> float:
    """One value of a spread; what falls outside its ends is put on them."""
    return float(np.clip(rng.normal(spread.mean, spread.sd), spread.low, spread.high))

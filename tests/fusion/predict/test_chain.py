"""One chain: stored or computed, the network is given the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fusion.models import Models
from radstore.errors import BadInput


def chain_of(site: Any, row: str, fold: int = 0, **others: Any) -> Any:
    import torch

    return Models(site.models, row, torch.device("cpu"), engine="cpu", **others).chains([fold])[0]


def test_stored_and_computed_are_the_same_bits(site: Any) -> None:
    site.train("ct+maps+global", 0)
    chain, case = chain_of(site, "ct+maps+global"), site.snapshot().case("a")
    from fusion.studies import of_store

    (study,) = of_store(site.snapshot(), cases=["a"])
    ct = study.read()
    stored = chain.ingredients(ct, case)
    from fusion.ingredients import computed_numbers

    computed = computed_numbers(ct, stored.region, chain.recipe, engine="cpu")
    np.testing.assert_array_equal(stored.numbers.vector, computed.vector)
    np.testing.assert_array_equal(stored.numbers.maps.values, computed.maps.values)
    assert np.isfinite(computed.maps.values).any()

"""The fused network: whose vector acts on whom, and how it begins."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from torch import nn

from fusion.network import Batch, FusedUNet, RadiomicsAttention, heads_for, positions
from radstore.errors import BadInput


@pytest.fixture
def build(toy: ModuleType) -> Any:
    def make(fused: bool = True, seed: int = 0, deep: bool = False) -> Any:
        torch.manual_seed(seed)
        planned = toy.plans(fused)["configurations"][toy.CONFIGURATION]["architecture"]
        return get_network_from_plans(
            planned["network_class_name"],
            planned["arch_kwargs"],
            planned["_kw_requires_import"],
            1,
            3,
            deep_supervision=deep,
        )

    return make


def moved(network: FusedUNet, seed: int = 1) -> FusedUNet:
    """With a modulation that is not zero any more."""
    torch.manual_seed(seed)
    nn.init.normal_(network.fusion.film.weight, std=0.3)
    return network.eval()


def batch(samples: int = 2, seed: int = 0) -> Batch:
    torch.manual_seed(seed)
    image = torch.randn(1, 1, 4, 16, 16).expand(samples, -1, -1, -1, -1).clone()
    return Batch(image, torch.randn(samples, 3), torch.ones(samples, dtype=torch.bool))


def test_begins_as_the_plain_network_of_the_same_seed(build: Any) -> None:
    fused, plain, x = build(True, deep=True), build(False, deep=True), batch()
    assert isinstance(fused, FusedUNet)
    for ours, theirs in zip(fused(x), plain(x.image), strict=True):
        assert torch.equal(ours, theirs)


def test_its_unet_has_the_names_of_the_plain_one(build: Any) -> None:
    fused, plain = build(True).state_dict(), build(False).state_dict()
    assert {name for name in fused if not name.startswith("fusion.")} == set(plain)


def test_each_image_is_given_its_own_vector(build: Any) -> None:
    network, x = moved(build()), batch()
    first, second = network(x)
    swapped = network(x._replace(vector=x.vector.flip(0)))
    assert not torch.allclose(first, second, atol=1e-3)
    torch.testing.assert_close(swapped, torch.stack([second, first]))


def test_a_missing_vector_is_the_token_whatever_stands_there(build: Any) -> None:
    network, x = moved(build()), batch()
    absent = x._replace(present=torch.tensor([True, False]))
    first = network(absent)
    torch.testing.assert_close(first[0], network(x)[0])
    assert not torch.allclose(first[1], network(x)[1], atol=1e-3)
    torch.testing.assert_close(first, network(absent._replace(vector=x.vector * torch.tensor([[1], [9]]))))
    torch.testing.assert_close(network(x.image)[1], first[1])  # images alone: all are missing
    with torch.no_grad():
        network.fusion.missing.mul_(-1)
    assert not torch.allclose(network(absent)[1], first[1], atol=1e-3)


def test_gradients_reach_the_modulation_first_and_then_the_attention(build: Any) -> None:
    network, x = build(), batch()
    target = torch.randint(0, 3, (2, 4, 16, 16))
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    attention = [network.fusion.query, network.fusion.key, network.fusion.value, network.fusion.project]

    def step() -> None:
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x), target).backward()

    step()
    assert network.fusion.film.weight.grad.abs().max() > 0
    assert all(layer.weight.grad.abs().max() == 0 for layer in attention)
    optimiser.step()
    step()
    assert all(layer.weight.grad.abs().max() > 0 for layer in attention)


def test_every_parameter_moves_to_the_device(build: Any) -> None:
    network = build().to("meta")
    assert {part.device.type for part in (*network.parameters(), *network.buffers())} == {"meta"}


def test_attention_lies_on_the_bottleneck_and_follows_the_vector(build: Any) -> None:
    network, x = build(), batch()
    weights = network.attention(x)
    assert weights.shape == (2, 4, 1, 4, 4)
    torch.testing.assert_close(weights.sum((-1, -2, -3)), torch.ones(2, 4))
    assert not torch.equal(weights[0], weights[1])


def test_reads_patches_of_other_sizes(build: Any) -> None:
    x = batch()
    larger = nn.functional.pad(x.image, (0, 16, 0, 8))
    assert moved(build())(x._replace(image=larger)).shape == (2, 3, 4, 24, 32)


@given(st.integers(0, 2**16), st.permutations(range(4)))
@settings(max_examples=20)
def test_attention_does_not_depend_on_the_place_in_the_batch(seed: int, order: list[int]) -> None:
    torch.manual_seed(seed)
    block = RadiomicsAttention(16, 5, 4)
    nn.init.normal_(block.film.weight)
    x, vector, present = torch.randn(4, 16, 2, 3, 2), torch.randn(4, 5), torch.rand(4) > 0.3
    with torch.no_grad():
        fused, weights = block(x, vector, present)
        again, theirs = block(x[order], vector[order], present[order])
    torch.testing.assert_close(again, fused[order])
    torch.testing.assert_close(theirs, weights[order])


@pytest.mark.parametrize("channels", [6, 20, 32, 320])
def test_no_two_places_are_alike(channels: int) -> None:
    encoded = positions(torch.Size((3, 5, 4)), channels, torch.empty(0))
    assert encoded.shape == (60, channels)
    assert len(encoded.unique(dim=0)) == 60


def test_survives_compilation_and_autocast(build: Any) -> None:
    network, x = moved(build()), batch()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), network(x))
    with torch.autocast("cpu", torch.bfloat16):
        assert network(x).isfinite().all()


def test_a_batch_moves_as_one() -> None:
    there = batch().to("meta", non_blocking=True)
    assert isinstance(there, Batch)
    assert {part.device.type for part in there} == {"meta"}


def test_heads_divide_the_channels() -> None:
    assert [heads_for(channels) for channels in (320, 32, 12, 7)] == [8, 8, 6, 7]
    with pytest.raises(BadInput, match="3 heads cannot share the 32 channels"):
        RadiomicsAttention(32, 5, 3)


def test_only_nnunets_unets_are_fused(toy: ModuleType) -> None:
    with pytest.raises(BadInput, match="'UNETR' cannot be fused"):
        FusedUNet(1, 3, vector_size=3, base="UNETR", **toy.ARCHITECTURE)

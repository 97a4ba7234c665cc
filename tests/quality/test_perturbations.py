from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from radstore.errors import BadInput
from radstore.images.volume import Geometry, Volume
from radstore.quality.draws import generator
from radstore.quality.perturbations import Strengths, perturbed, signed_distance

SPACING = (0.8, 0.8, 2.0)
RADIUS = 12.0  # mm


def pair(dtype: type = np.int16) -> tuple[Volume, Volume]:
    """A ball in noise."""
    grid = Geometry((50, 48, 22), SPACING, (-10.0, 20.0, 5.0))
    axes = [np.arange(n) * step for n, step in zip(grid.shape, SPACING[::-1], strict=True)]
    apart = np.meshgrid(*(axis - axis.mean() for axis in axes), indexing="ij")
    ball = np.sqrt(sum(part**2 for part in apart)) < RADIUS
    image = np.random.default_rng(0).normal(40, 30, grid.shape)
    return Volume(image.astype(dtype), grid), Volume(ball.astype(np.uint8), grid)


def changed(kind: str, seed: int = 0, **strengths: float) -> tuple[Volume, Volume]:
    image, mask = pair()
    found = perturbed(kind, image, mask, Strengths(**strengths), generator(seed, "case", kind))
    assert found is not None
    return found


def volume(mask: Volume) -> float:
    """mm³"""
    return float(mask.array.sum()) * mask.geometry.voxel_volume


@pytest.mark.parametrize(("kind", "by"), [("dilate", 1), ("erode", -1)])
@pytest.mark.parametrize("mm", [0.4, 0.8, 1.6])
def test_the_outline_moves_by_so_many_mm(kind: str, by: int, mm: float) -> None:
    """Within a plane: along z the voxels are thicker than the displacement."""
    _, mask = pair()
    _, moved = changed(kind, **{kind: mm})
    middle = mask.array.shape[0] // 2
    radii = [np.sqrt(m.array[middle].sum() * SPACING[0] * SPACING[1] / np.pi) for m in (mask, moved)]
    assert radii[1] - radii[0] == pytest.approx(by * mm, abs=0.3)
    inner, outer = (mask, moved) if by > 0 else (moved, mask)
    assert (outer.array >= inner.array).all()


def test_a_shift_moves_the_centre_and_keeps_the_size() -> None:
    _, mask = pair()
    _, moved = changed("shift", shift=3.0)
    centres = [np.array(np.nonzero(m.array)).mean(axis=1) * SPACING[::-1] for m in (mask, moved)]
    assert np.linalg.norm(centres[1] - centres[0]) == pytest.approx(3.0, abs=0.3)
    assert volume(moved) == pytest.approx(volume(mask), rel=0.02)


def test_contour_noise_moves_the_outline_both_ways() -> None:
    _, mask = pair()
    _, moved = changed("contour", contour=1.0)
    apart = mask.array != moved.array
    gained, lost = (apart & (mask.array == side) for side in (0, 1))
    assert gained.any()
    assert lost.any()
    distance = np.abs(signed_distance(mask.array, SPACING))
    assert distance[apart].max() < 4.5
    assert volume(moved) == pytest.approx(volume(mask), rel=0.2)


def test_noise_has_its_standard_deviation_and_keeps_the_dtype() -> None:
    image, mask = pair()
    noisy, same = changed("noise", noise=10.0)
    assert noisy.array.dtype == image.array.dtype
    assert (noisy.array.astype(float) - image.array).std() == pytest.approx(10, rel=0.02)
    np.testing.assert_array_equal(same.array, mask.array)
    frame = (slice(2, 4), slice(0, 5), slice(0, 5))
    inside = perturbed("noise", image, mask, Strengths(), generator(0), frame)
    assert inside is not None
    outside = np.ones(image.array.shape, bool)
    outside[frame] = False
    np.testing.assert_array_equal(inside[0].array[outside], image.array[outside])


@pytest.mark.parametrize(("kind", "factor"), [("finer", 0.9), ("coarser", 1.1)])
def test_resampling_keeps_the_place_and_the_size(kind: str, factor: float) -> None:
    _, mask = pair()
    image, moved = changed(kind, resample=0.1)
    assert moved.geometry.spacing == pytest.approx([step * factor for step in SPACING])
    assert image.geometry == moved.geometry
    assert volume(moved) == pytest.approx(volume(mask), rel=0.05)
    centres = [
        np.array(m.geometry.origin) + np.array(np.nonzero(m.array)).mean(axis=1)[::-1] * m.geometry.spacing
        for m in (mask, moved)
    ]
    np.testing.assert_allclose(centres[0], centres[1], atol=0.3)


def test_resampled_whole_numbers_keep_their_mean() -> None:
    """ITK's way cuts off the decimals, which would take half a HU."""
    image, _ = pair()
    finer, _ = changed("finer", resample=0.1)
    assert finer.array.mean() == pytest.approx(image.array.mean(), abs=0.2)


def test_a_mask_that_vanishes_is_no_mask() -> None:
    image, mask = pair()
    assert perturbed("erode", image, mask, Strengths(erode=20), generator(0)) is None


def test_the_whole_volume_may_be_the_mask() -> None:
    image, mask = pair()
    full = replace(mask, array=np.ones_like(mask.array))
    for kind in Strengths().kinds:
        assert perturbed(kind, image, full, Strengths(), generator(0)) is not None


def test_seeds() -> None:
    for kind in ("dilate", "shift", "contour"):
        first, again, other = (changed(kind, seed)[1].array for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()


def test_what_is_left_out_and_what_is_refused() -> None:
    assert Strengths().kinds == ("dilate", "erode", "shift", "contour", "noise", "finer", "coarser")
    assert Strengths(dilate=0, resample=0, noise=0).kinds == ("erode", "shift", "contour")
    for wrong in ({"dilate": -1.0}, {"resample": 1.0}, {"noise": float("nan")}):
        with pytest.raises(BadInput, match=next(iter(wrong))):
            Strengths(**wrong)

"""What painted cases measure."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from radstore.phantom.anatomy import draw_anatomy
from radstore.phantom.people import Study, study
from radstore.phantom.scan import take
from radstore.phantom.sizes import FULL, SIZES, SMALL, Size

# PANORAMA's pixels and slices with few voxels: an abdomen of 0.35, what lies in it small enough for that
SAMPLE = replace(
    FULL, field=0.35, depth_mm=(60.0, 70.0), pancreas_cm3=SMALL.pancreas_cm3, mass_mm=SMALL.mass_mm, tubes=1.0
)
LARGE = 300  # voxels in the core of a mass, enough for a mean


class Case(NamedTuple):
    who: Study
    ct: np.ndarray
    labels: np.ndarray
    spacing: tuple[float, float, float]
    mass: np.ndarray


def cases(size: Size, indices: range) -> list[Case]:
    """Painted twice, so that it is known where the mass is that has no label of its own."""
    found = []
    for who in map(study, indices):
        image, labels = take(1, who, size)
        _, told = take(1, replace(who, pdac=True), size)
        found.append(Case(who, image.array, labels.array, image.geometry.spacing, told.array == 1))
    return found


@pytest.fixture(scope="module")
def small() -> list[Case]:
    return cases(SMALL, range(24))


def test_labels_are_panoramas(small: list[Case]) -> None:
    for case in small:
        expected = {0, 2, 3, 4, 5, 6} | ({1} if case.who.pdac else set())
        assert set(np.unique(case.labels).tolist()) == expected, case.who


def test_tissues_measure_what_they_should(small: list[Case]) -> None:
    contrast = []
    for case in small:
        inner = {k: binary_erosion((case.labels == k) & ~case.mass) for k in (2, 3, 4)}
        assert case.ct[:, 0, 0].max() < -900  # air beside the patient
        assert 110 < np.median(case.ct[inner[2]]) < 175
        assert 105 < np.median(case.ct[inner[3]]) < 175
        assert 75 < np.median(case.ct[inner[4]]) < 120
        core = binary_erosion(case.mass)
        if core.sum() > LARGE:
            drawn = draw_anatomy(1, case.who.patient, SMALL).mass_hu
            contrast.append(case.ct[core].mean() - case.ct[inner[4]].mean() - drawn)
    assert len(contrast) > len(small) / 2
    np.testing.assert_allclose(contrast, 0, atol=12)
    assert np.mean(contrast) == pytest.approx(0, abs=2)


def test_the_pancreas_has_the_volume_that_was_drawn(small: list[Case]) -> None:
    volumes = [np.isin(c.labels, (1, 4, 5)).sum() * np.prod(c.spacing) / 1000 for c in small]
    assert np.mean(volumes) == pytest.approx(
        SMALL.pancreas_cm3.mean + 3.6, rel=0.2
    )  # and what of masses stands out


@pytest.mark.parametrize("size", [SMALL, SAMPLE], ids=["small", "real pixels"])
def test_parenchyma_has_the_noise_of_a_ct(size: Size) -> None:
    values, pairs = [], []
    for case in cases(size, range(10)):
        inside = binary_erosion((case.labels == 4) & ~case.mass, iterations=2)
        centred = case.ct - case.ct[inside].mean() if inside.any() else case.ct
        both = inside[:, :, 1:] & inside[:, :, :-1]
        values.append(centred[inside])
        pairs.append(np.stack([centred[:, :, 1:][both], centred[:, :, :-1][both]]))
    assert 9.9 < np.concatenate(values).std() < 13.1
    assert 0.50 < np.corrcoef(np.concatenate(pairs, axis=1))[0, 1] < 0.64


def test_only_texture_tells_a_pdac() -> None:
    for index in (0, 1):
        who = study(index)
        (benign, plain), (malign, marked) = (take(3, replace(who, pdac=p), SMALL) for p in (False, True))
        mass = marked.array == 1
        np.testing.assert_array_equal(np.where(mass, 4, marked.array), plain.array)
        changed = benign.array != malign.array
        assert mass.sum() / 2 < changed.sum() < 2 * mass.sum()  # the mass and its blurred rim
        assert abs(benign.array[mass].mean() - malign.array[mass].mean()) < 5


def test_the_histogram_in_a_mass_does_not_tell() -> None:
    """Means and spreads over many masses are the same; what differs is the correlation of neighbours."""
    spread: dict[bool, list[float]] = {True: [], False: []}
    lag: dict[bool, list[float]] = {True: [], False: []}
    for index in range(14):
        for pdac in (True, False):
            who = replace(study(index), pdac=pdac)
            image, told = take(2, who, SMALL)[0], take(2, replace(who, pdac=True), SMALL)[1]
            mass = binary_erosion(told.array == 1)
            if mass.sum() < LARGE:
                continue
            centred = image.array - image.array[mass].mean()
            both = mass[:, 2:] & mass[:, :-2]
            spread[pdac].append(float(np.mean(centred[mass] ** 2)))
            lag[pdac].append(float(np.mean(centred[:, 2:][both] * centred[:, :-2][both])))
    assert np.mean(spread[True]) == pytest.approx(np.mean(spread[False]), rel=0.12)
    assert np.mean(lag[True]) > 1.4 * np.mean(lag[False])


@pytest.mark.parametrize("index", range(3))
def test_without_the_signal_labels_can_be_exchanged(index: int) -> None:
    """Each image is the same, bit for bit, whatever its class; the label image says nothing else."""
    (one, labels), (other, told) = (
        take(4, replace(study(index), pdac=pdac), SMALL, signal=False) for pdac in (False, True)
    )
    np.testing.assert_array_equal(one.array, other.array)
    np.testing.assert_array_equal(labels.array, np.where(told.array == 1, 4, told.array))


@pytest.mark.slow
def test_full_size() -> None:
    image, labels = take(0, study(1), SIZES["full"])
    assert image.geometry.size[:2] == (512, 512)
    volume = np.isin(labels.array, (1, 4, 5)).sum() * image.geometry.voxel_volume / 1000
    assert 30 < volume < 180

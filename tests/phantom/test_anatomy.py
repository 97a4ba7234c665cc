"""What many drawn patients are like, without painting one."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, ks_2samp

from radstore.phantom.anatomy import Anatomy, draw_anatomy
from radstore.phantom.people import PATIENTS, STUDIES, study
from radstore.phantom.sizes import FULL, SIZES, SMALL

MANY = 1500


class Measured(NamedTuple):
    pancreas_cm3: np.ndarray
    mass_mm: np.ndarray
    mass_hu: np.ndarray
    duct_mm: np.ndarray
    isoattenuating: np.ndarray
    pdac: np.ndarray


def tube_cm3(points: np.ndarray, radii: np.ndarray) -> float:
    """Volume of truncated cones and two half balls."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    cones = np.pi / 3 * steps * (radii[1:] ** 2 + radii[1:] * radii[:-1] + radii[:-1] ** 2)
    return float(cones.sum() + 2 / 3 * np.pi * (radii[0] ** 3 + radii[-1] ** 3)) / 1000


@cache
def measured(size: str, seed: int = 0) -> Measured:
    """One row a patient, its class from its first study."""
    patients: list[Anatomy] = [draw_anatomy(seed, patient, SIZES[size]) for patient in range(MANY)]
    first = [study(STUDIES * (p // PATIENTS) + p % PATIENTS) for p in range(MANY)]
    assert [who.patient for who in first] == list(range(MANY))
    return Measured(
        np.array([tube_cm3(*one.pancreas) for one in patients]),
        np.array([2 * np.prod(one.mass_radii) ** (1 / 3) for one in patients]),
        np.array([one.mass_hu for one in patients]),
        np.array([2 * min(radii.min() for _, radii in one.ducts) for one in patients]),
        np.array([one.isoattenuating for one in patients]),
        np.array([who.pdac for who in first]),
    )


def test_full_size_is_that_of_patients() -> None:
    found = measured("full")
    assert found.pancreas_cm3.mean() == pytest.approx(78, abs=2)
    assert found.pancreas_cm3.std() == pytest.approx(22, abs=2)
    assert found.mass_mm.mean() == pytest.approx(30, abs=1)
    assert found.mass_mm.std() == pytest.approx(9, abs=1)
    assert found.duct_mm.mean() == pytest.approx(2.2, abs=0.2)


def test_a_miniature_has_the_same_proportions() -> None:
    full, small = measured("full"), measured("small")
    assert small.pancreas_cm3.mean() / full.pancreas_cm3.mean() == pytest.approx(0.25, abs=0.01)
    assert small.mass_mm.mean() / full.mass_mm.mean() == pytest.approx(0.63, abs=0.01)
    for few, many in ((small.pancreas_cm3, full.pancreas_cm3), (small.mass_mm, full.mass_mm)):
        assert few.std() / few.mean() == pytest.approx(many.std() / many.mean(), abs=0.02)


@pytest.mark.parametrize("size", SIZES)
def test_masses_attenuate_as_published(size: str) -> None:
    found = measured(size)
    assert found.isoattenuating.mean() == pytest.approx(0.14, abs=0.025)
    usual = found.mass_hu[~found.isoattenuating]
    assert usual.mean() == pytest.approx(-40, abs=1.5)
    assert 13 < usual.std() < 17
    assert found.mass_hu[found.isoattenuating].mean() == pytest.approx(-7.1, abs=1)
    assert found.mass_hu.max() <= 0


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_but_texture_differs_between_the_classes(size: str, seed: int) -> None:
    found = measured(size, seed)
    assert found.pdac.mean() == pytest.approx(0.5, abs=0.01)
    for name in ("pancreas_cm3", "mass_mm", "mass_hu", "duct_mm"):
        values = getattr(found, name)
        assert ks_2samp(values[found.pdac], values[~found.pdac]).pvalue > 0.01, name
    counts = [
        [(found.isoattenuating & (found.pdac == side)).sum(), (found.pdac == side).sum()] for side in (0, 1)
    ]
    assert fisher_exact(counts).pvalue > 0.01


def test_that_check_can_fail() -> None:
    found = measured("full")
    moved = found.mass_mm + 0.35 * 9 * found.pdac
    assert ks_2samp(moved[found.pdac], moved[~found.pdac]).pvalue < 0.01


def test_a_patient_has_one_anatomy() -> None:
    (first, second) = (who for who in map(study, range(STUDIES)) if who.patient == PATIENTS - 1)
    one, other = (draw_anatomy(3, who.patient, FULL) for who in (first, second))
    assert one.mass_centre == other.mass_centre
    assert one.mass_hu == other.mass_hu


@settings(deadline=None, max_examples=15)
@given(patient=st.integers(0, 500))
def test_the_mass_lies_in_the_pancreas_and_the_duct_outside_the_mass(patient: int) -> None:
    anatomy = draw_anatomy(11, patient, SMALL)
    line, radii = anatomy.pancreas
    away = np.linalg.norm(line - anatomy.mass_centre, axis=1)
    assert (away - radii).min() < 0
    assert anatomy.ducts
    for points, _ in anatomy.ducts:
        relative = (points - anatomy.mass_centre) / anatomy.mass_radii
        assert (np.linalg.norm(relative, axis=1) >= 1).all()

"""Patterns on spheres are PyRadiomics', where its imports are given back to it."""

from __future__ import annotations

import logging
import sys
import types

import numpy as np
import pytest
import scipy.ndimage
import scipy.special

from radstore.images.filters import apply, lbp3d
from radstore.images.filters.icosphere import icosphere


@pytest.fixture
def old_scipy(monkeypatch):
    """What ``getLBP3DImage`` imports: scipy took two of the names away, and trimesh is not installed."""
    interpolation = types.ModuleType("scipy.ndimage.interpolation")
    interpolation.map_coordinates = scipy.ndimage.map_coordinates
    monkeypatch.setitem(sys.modules, "scipy.ndimage.interpolation", interpolation)
    harmonic = scipy.special.sph_harm_y
    monkeypatch.setattr(
        scipy.special, "sph_harm", lambda m, n, azimuth, polar: harmonic(n, m, polar, azimuth), raising=False
    )
    creation = types.ModuleType("trimesh.creation")
    creation.icosphere = lambda *sphere: types.SimpleNamespace(vertices=icosphere(*sphere))
    trimesh = types.ModuleType("trimesh")
    trimesh.creation = creation
    monkeypatch.setitem(sys.modules, "trimesh", trimesh)
    monkeypatch.setitem(sys.modules, "trimesh.creation", creation)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
@pytest.mark.parametrize(
    "asked", [{}, {"lbp3DLevels": 4, "lbp3DIcosphereRadius": 2.5, "lbp3DIcosphereSubdivision": 2}]
)
def test_every_map_is_pyradiomics(old_scipy, library_filter, volume, dtype, asked):
    image = volume((9, 14, 13), dtype)
    mask = np.random.default_rng(1).random(image.shape) < 0.3
    expected = library_filter("lbp3d", image, (1, 1, 1), asked, mask)
    found = apply("lbp3d", image, (1, 1, 1), asked, mask)
    assert list(found) == list(expected)
    for name, values in expected.items():
        # the library's kurtosis of float32 values is computed in float32, ours in float64
        tolerance = 1e-4 if (name, dtype) == ("k", np.float32) else 1e-11
        np.testing.assert_allclose(found[name][mask], values[mask], rtol=tolerance, atol=tolerance)
        assert (found[name][~mask] == 0).all()


def test_a_sphere_of_one_value_has_no_kurtosis():
    found = apply("lbp3d", np.full((9, 9, 9), 3.0), (1, 1, 1), {}, np.ones((9, 9, 9), bool))
    assert np.isnan(found["k"][4, 4, 4])


def test_one_level_gives_the_first_map_of_two(volume):
    image, mask = volume((8, 8, 8), np.float64), np.ones((8, 8, 8), bool)
    one, two = (apply("lbp3d", image, (1, 1, 1), {"lbp3DLevels": n}, mask) for n in (1, 2))
    assert list(one) == ["m1", "k"]
    np.testing.assert_array_equal(one["m1"], two["m1"])


def test_chunks_do_not_show(volume, monkeypatch):
    image, mask = volume((8, 8, 8), np.float64), np.ones((8, 8, 8), bool)
    whole = apply("lbp3d", image, (1, 1, 1), {}, mask)
    monkeypatch.setattr(lbp3d, "CHUNK", 100)
    for name, values in apply("lbp3d", image, (1, 1, 1), {}, mask).items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-12)


def test_a_device_is_told_that_the_host_works(volume, monkeypatch, caplog):
    monkeypatch.setattr(lbp3d, "on_device", lambda array: True)
    with caplog.at_level(logging.INFO):
        apply("lbp3d", volume((4, 4, 4), np.float64), (1, 1, 1), {}, np.ones((4, 4, 4), bool))
    assert "CPU" in caplog.text


def test_a_mask_is_needed(volume):
    with pytest.raises(ValueError, match="mask"):
        apply("lbp3d", volume((4, 4, 4), np.float64), (1, 1, 1), {})


@pytest.mark.parametrize(("subdivisions", "vertices"), [(0, 12), (1, 42), (2, 162), (3, 642)])
@pytest.mark.parametrize("radius", [1.0, 2.5])
def test_the_sphere_is_even(subdivisions, vertices, radius):
    points = icosphere(subdivisions, radius)
    assert points.shape == (vertices, 3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), radius)
    np.testing.assert_allclose(points.sum(axis=0), 0, atol=1e-12)
    golden = (1 + 5**0.5) / 2
    corner = np.array([-1, golden, 0]) / np.sqrt(2 + golden) * radius  # trimesh's first
    assert np.linalg.norm(points - corner, axis=1).min() < 1e-12

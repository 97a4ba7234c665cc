"""Filtering a part gives the values that filtering the whole gives there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.images.filters import FILTERS, apply, largest_of, margin, reads

ASKED = {
    "log": [{"sigma": 0.5}, {"sigma": 1.0}],
    "wavelet": [
        {},
        {"wavelet": "db3", "start_level": 1, "level": 1},
        {"level": 2, "wavelet": "haar"},
        {"force2D": True, "force2Ddimension": 0},
    ],
    "gradient": [{}],
    "lbp2d": [{}, {"lbp2DRadius": 2.5, "lbp2DSamples": 5, "force2Ddimension": 2, "lbp2DMethod": "var"}],
    "lbp3d": [{}],
}
SPACING = (1.0, 2.0, 1.5)


@st.composite
def boxes(draw, shape):
    box = []
    for n in shape:
        start = draw(st.integers(0, n - 1))
        box.append(slice(start, draw(st.integers(start + 1, min(n, start + 9)))))
    return tuple(box)


@pytest.fixture(scope="session", params=FILTERS)
def cropping_does_not_show(request, volume):
    op = request.param
    shape = (70, 81, 90) if op == "lbp3d" else (45, 51, 60)
    image = volume(shape, np.float32)
    mask = np.zeros(shape, bool)
    mask[30:36, 35:40, 40:50] = True
    wholes = [apply(op, image, SPACING, asked, mask) for asked in ASKED.get(op, [{}])]

    @settings(max_examples=25 if op != "lbp3d" else 3)
    @given(box=boxes(shape), which=st.integers(0, len(wholes) - 1))
    def check(box, which):
        asked = ASKED.get(op, [{}])[which]
        if op == "lbp3d":
            box = (slice(30, 36), slice(35, 40), slice(40, 50))
        part = reads(op, asked, SPACING, shape, box)
        given_ = {"origin": [p.start for p in part], "largest": largest_of(image)}
        found = apply(op, image[part], SPACING, asked, mask[part], **given_)
        inside = tuple(slice(b.start - p.start, b.stop - p.start) for b, p in zip(box, part, strict=True))
        for band, values in found.items():
            expected = wholes[which][band][box]
            if (
                op == "log"
            ):  # in a flat area it is the recursion's rounding, 1e-12, of which the last digits differ
                np.testing.assert_allclose(values[inside], expected, rtol=1.2e-7, atol=1e-13)
            else:
                np.testing.assert_array_equal(values[inside], expected)

    return check


def test_cropping_does_not_show(cropping_does_not_show):
    cropping_does_not_show()


def test_pointwise_filters_read_nothing_else():
    assert margin("square", {}, (1, 1, 1)) == (0, 0, 0)


def test_margins():
    assert margin("gradient", {}, (1, 1, 1)) == (1, 1, 1)
    assert margin("lbp2d", {"lbp2DRadius": 1.5, "force2Ddimension": 1}, (1, 1, 1)) == (3, 0, 3)
    assert margin("wavelet", {"wavelet": "coif1", "start_level": 1, "level": 2}, (1, 1, 1)) == (9, 9, 9)
    assert margin("wavelet", {"force2D": True, "force2Ddimension": 2}, (1, 1, 1)) == (3, 3, 0)


def test_a_wavelet_near_the_border_reads_the_whole_axis():
    box = (slice(1, 4), slice(20, 22), slice(37, 40))
    assert reads("wavelet", {}, (1, 1, 1), (40, 40, 40), box) == (slice(0, 40), slice(17, 25), slice(0, 40))
    assert reads("gradient", {}, (1, 1, 1), (40, 40, 40), box) == (slice(0, 5), slice(19, 23), slice(36, 40))


def test_what_is_no_filter():
    with pytest.raises(ValueError, match=r"'sharpen'.*lbp2d"):
        apply("sharpen", np.zeros((2, 2, 2)), (1, 1, 1), {})
    with pytest.raises(ValueError, match="sharpen"):
        margin("sharpen", {}, (1, 1, 1))


def test_filters_need_only_numpy_scipy_and_pywavelets():
    heavy = "SimpleITK", "skimage", "radiomics", "pydantic", "pandas", "cupy"
    program = (
        "import sys, radstore.images.filters, radstore.images.resample, radstore.images.discretise\n"
        f"print(*(name for name in {heavy} if name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""

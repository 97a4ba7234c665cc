"""Coefficients of Deriche's recursive Gaussian and of its second derivative, with ITK's rounding.

References
----------
R. Deriche, *Recursively implementing the Gaussian and its derivatives*, INRIA research report 1893, 1993;
G. Farnebäck and C.-F. Westin, *Improving Deriche-style recursive Gaussian filters*, JMIV 26, 2006: what
normalises the coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import cos, exp, sin
from typing import NamedTuple

import numpy as np

# Deriche's Gaussian: e^(L u) (A cos(W u) + B sin(W u)) twice, u in standard deviations.
W1, L1, W2, L2 = 0.6681, -1.3932, 2.0787, -1.3732


class Wave(NamedTuple):
    """Amplitudes of Deriche's two waves for one derivative."""

    a1: float
    b1: float
    a2: float
    b2: float


GAUSSIAN = Wave(1.3530, 1.8151, -0.3531, 0.0902)
SECOND = Wave(-1.3563, 5.2318, 0.3446, -2.2355)

SLOWEST = max(L1, L2)  # how fast the filter forgets: e^(SLOWEST u)


@cache
def coefficients(sigma: float, spacing: float, order: int) -> np.ndarray:
    """The twenty coefficients of the line filter, float64, in the order of ``kernels/recursive.hpp``.

    Parameters
    ----------
    sigma, spacing
        In mm.
    order
        0: smooths; 2: second derivative, times sigma² (normalised across scale).

    Notes
    -----
    ``itk::RecursiveGaussianImageFilter::SetUp``; operations in its order, so that rounding is the same too.
    """
    d = _denominator(sigma / spacing)
    sd = 1.0 + d[0] + d[1] + d[2] + d[3]
    n = _smoothing(sigma / spacing, sd) if order == 0 else _second_derivative(sigma, spacing, d, sd)
    m = (n[1] - d[0] * n[0], n[2] - d[1] * n[0], n[3] - d[2] * n[0], -d[3] * n[0])
    sn, sm = n[0] + n[1] + n[2] + n[3], m[0] + m[1] + m[2] + m[3]
    ends = (*(v * sn / sd for v in d), *(v * sm / sd for v in d))
    made = np.array([*n, *m, *d, *ends])
    made.flags.writeable = False  # it is cached
    return made


def _smoothing(sigma: float, sd: float) -> list[float]:
    n = _numerator(sigma, GAUSSIAN)
    scale = 1.0 / (2 * _moments(n)[0] / sd - n[0])
    return [v * scale for v in n]


def _second_derivative(sigma: float, spacing: float, d: Sequence[float], sd: float) -> list[float]:
    """A wave of the second derivative and as much Gaussian as makes a constant vanish, scaled by the
    response to x².
    """
    n0, n2 = (_numerator(sigma / spacing, wave) for wave in (GAUSSIAN, SECOND))
    m0, m2 = _moments(n0), _moments(n2)
    beta = -(2 * m2[0] - sd * n2[0]) / (2 * m0[0] - sd * n0[0])
    n = [b + beta * a for a, b in zip(n0, n2, strict=True)]
    sn, dn, en = (b + beta * a for a, b in zip(m0, m2, strict=True))
    dd = d[0] + 2 * d[1] + 3 * d[2] + 4 * d[3]
    ed = d[0] + 4 * d[1] + 9 * d[2] + 16 * d[3]
    alpha = en * sd * sd - ed * sn * sd - 2 * dn * dd * sd + 2 * dd * dd * sn
    alpha /= sd * sd * sd
    return [v * (sigma * sigma / alpha) for v in n]


def _waves(sigma: float) -> tuple[float, float, float, float, float, float]:
    s1, s2, c1, c2 = sin(W1 / sigma), sin(W2 / sigma), cos(W1 / sigma), cos(W2 / sigma)
    return s1, s2, c1, c2, exp(L1 / sigma), exp(L2 / sigma)


def _numerator(sigma: float, wave: Wave) -> tuple[float, float, float, float]:
    """n0 … n3 before they are normalised; sigma in voxels."""
    s1, s2, c1, c2, e1, e2 = _waves(sigma)
    a1, b1, a2, b2 = wave
    n1 = e2 * (b2 * s2 - (a2 + 2 * a1) * c2)
    n1 += e1 * (b1 * s1 - (a1 + 2 * a2) * c1)
    n2 = (a1 + a2) * c2 * c1
    n2 -= b1 * c2 * s1 + b2 * c1 * s2
    n2 *= 2 * e1 * e2
    n2 += a2 * e1 * e1 + a1 * e2 * e2
    n3 = e2 * e1 * e1 * (b2 * s2 - a2 * c2)
    n3 += e1 * e2 * e2 * (b1 * s1 - a1 * c1)
    return a1 + a2, n1, n2, n3


def _denominator(sigma: float) -> tuple[float, float, float, float]:
    """d1 … d4; sigma in voxels."""
    _, _, c1, c2, e1, e2 = _waves(sigma)
    d3 = -2 * c1 * e1 * e2 * e2
    d3 += -2 * c2 * e2 * e1 * e1
    d2 = 4 * c2 * c1 * e1 * e2
    d2 += e1 * e1 + e2 * e2
    return -2 * (e2 * c2 + e1 * c1), d2, d3, e1 * e1 * e2 * e2


def _moments(n: Sequence[float]) -> tuple[float, float, float]:
    """Σ n_k, Σ k n_k and Σ k² n_k."""
    return n[0] + n[1] + n[2] + n[3], n[1] + 2 * n[2] + 3 * n[3], n[1] + 4 * n[2] + 9 * n[3]

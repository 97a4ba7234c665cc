"""What is wrong with a feature, in numbers, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from radstore.graph import Feature
from radstore.quality.icc import Icc

CONSTANT, ONE_LEVEL, MASK_ALONE = "constant", "one grey level", "mask alone"
UNDEFINED, DUPLICATE, UNSTABLE = "undefined", "duplicate", "unstable"

MEANINGLESS = frozenset((CONSTANT, ONE_LEVEL, MASK_ALONE, UNDEFINED))
"""Flags of numbers that say nothing of an image; the others are advice."""

SHARE = 0.2  # of the cases: what is wrong in fewer of them is theirs, not the feature's
SAME = 1e-9  # relative: two values are one
LINEAR = 0.999  # |r| of a duplicate
FEWEST = 4  # cases from which on a correlation is looked at
FEW = 3  # and a constant: the median of whole numbers is easily the same in two cases
POOR = 0.5  # a feature is unstable if all of its ICC's interval lies below (Koo and Li 2016)

REMEDIES: Mapping[str, str] = {
    CONSTANT: "Leave it out: it tells no two cases apart.",
    ONE_LEVEL: "Its bins are wider than the image's range: give the filter a smaller binWidth of its own, as "
    "in imageType: {LBP2D: {binWidth: 1}}, or a binCount.",
    MASK_ALONE: "Another image in the same mask gives the same value: use a shape feature if the mask is "
    "meant, or settings with more grey levels.",
    UNDEFINED: "Leave it out, or see why with `radstore extract`: most often the region is too small.",
    DUPLICATE: "Keep one of the two.",
    UNSTABLE: "It changes with the outline more than from case to case: leave it out, or measure it with "
    "`radstore perturb` on more cases.",
}


@dataclass(frozen=True)
class Flag:
    """One thing that is wrong with one feature.

    Parameters
    ----------
    kind
        ``constant``, ``one grey level``, ``mask alone``, ``undefined``, ``duplicate`` or ``unstable``.
    feature
        Its name.
    message
        The numbers, in words.
    numbers
        The same for programs.
    remedy
        What to do.
    """

    kind: str
    feature: str
    message: str
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)
    remedy: str = ""

    @property
    def meaningless(self) -> bool:
        """Whether the numbers say nothing of an image."""
        return self.kind in MEANINGLESS


def flagged(
    features: Sequence[Feature],
    real: np.ndarray,
    other: np.ndarray,
    levels: Mapping[str, np.ndarray],
    stability: Icc | None = None,
) -> list[Flag]:
    """Everything that is wrong with the features of a sample, in their order.

    Parameters
    ----------
    real
        float64 [case, feature]: the cases as they are.
    other
        The same of another image in each mask.
    levels
        Feature → effective number of grey levels [case], for those that have any.
    stability
        ICC of the features under small changes of the mask, if it was measured.
    """
    found: list[Flag] = []
    for at, feature in enumerate(features):
        found += _alone(feature, real[:, at], other[:, at], levels.get(feature.name))
    useless = {flag.feature for flag in found}
    found += _duplicates(features, real, other, useless)
    if stability is not None:
        found += _unstable(features, stability, useless)
    order = {feature.name: at for at, feature in enumerate(features)}
    return sorted(found, key=lambda flag: order[flag.feature])


def _alone(
    feature: Feature, real: np.ndarray, other: np.ndarray, levels: np.ndarray | None
) -> Iterator[Flag]:
    """What one feature's own values show."""
    name, n = feature.name, len(real)
    there = np.isfinite(real)
    missing = n - int(there.sum())
    if missing > SHARE * n:
        told = f"undefined (NaN or infinite) in {missing} of {n} cases"
        yield _flag(UNDEFINED, name, told, undefined=missing, cases=n)
    if levels is not None and (flat := int((levels < 1 + SAME).sum())) > SHARE * n:
        told = f"one grey level in {flat} of {n} cases ({_bins(feature)})"
        yield _flag(ONE_LEVEL, name, told, cases_with_one_level=flat, cases=n)
    values = real[there]
    if len(values) >= FEW and np.ptp(values) <= SAME * np.abs(values).max():
        told = f"always {values[0]:.6g} ({len(values)} cases)"
        yield _flag(CONSTANT, name, told, value=float(values[0]), cases=len(values))
    both = there & np.isfinite(other)
    if not feature.family.startswith("shape") and both.any():
        size = np.maximum(np.abs(real), np.abs(other))[both]
        apart = np.abs(real - other)[both] / np.maximum(size, np.finfo(float).tiny)
        if apart.max() <= SAME:
            told = f"the same for noise in the same mask ({int(both.sum())} cases)"
            yield _flag(MASK_ALONE, name, told, cases=int(both.sum()), largest_change=float(apart.max()))


def _duplicates(
    features: Sequence[Feature], real: np.ndarray, other: np.ndarray, useless: set[str]
) -> Iterator[Flag]:
    """Features that are a linear function of an earlier one, among the cases and among noise images.

    Both, because among 1,486 features a handful of cases alone has such pairs by chance.
    """
    if len(real) < FEWEST:
        return
    usable = np.isfinite(real).all(axis=0) & np.isfinite(other).all(axis=0)
    usable &= np.array([feature.name not in useless for feature in features])
    columns = np.flatnonzero(usable)
    r = _correlations(real[:, columns])
    alike = np.minimum(np.abs(r), np.abs(_correlations(other[:, columns])))
    taken: set[int] = set()
    for at in range(len(columns)):
        if at in taken:
            continue
        for later in np.flatnonzero(alike[at, at + 1 :] > LINEAR) + at + 1:
            if later not in taken:
                taken.add(int(later))
                one, two = features[columns[at]].name, features[columns[later]].name
                told = f"|r| = {abs(r[at, later]):.5f} with {one} ({len(real)} cases)"
                yield _flag(DUPLICATE, two, told, duplicate_of=one, r=float(r[at, later]), cases=len(real))


def _unstable(features: Sequence[Feature], stability: Icc, useless: set[str]) -> Iterator[Flag]:
    parts = zip(features, stability.value, stability.low, stability.high, stability.cases, strict=True)
    for feature, value, low, high, cases in parts:
        if feature.name not in useless and high < POOR:
            told = f"ICC {value:.2f} (95 % {low:.2f} to {high:.2f}) over small changes of the mask"
            numbers = {
                "icc": float(value),
                "icc_low": float(low),
                "icc_high": float(high),
                "cases": int(cases),
            }
            yield _flag(UNSTABLE, feature.name, told, **numbers)


def _correlations(values: np.ndarray) -> np.ndarray:
    """Pearson's r between columns; 0 where one does not vary."""
    centred = values - values.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    flat = size <= SAME * np.abs(values).max(axis=0, initial=0) * np.sqrt(len(values))
    unit = np.divide(centred, size, out=np.zeros_like(centred), where=~flat & (size > 0))
    r: np.ndarray = unit.T @ unit
    return r


def _bins(feature: Feature) -> str:
    settings = feature.node.chain()
    name = "binCount" if "binCount" in settings else "binWidth"
    return f"{name} {settings[name]:g}"


def _flag(kind: str, name: str, message: str, **numbers: float | int | str) -> Flag:
    return Flag(kind, name, message, numbers, REMEDIES[kind])

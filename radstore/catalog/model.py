"""What a catalog is made of: cases, their regions, and the sources they come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from radstore.errors import CaseError, LabelsError, RegionError
from radstore.suggest import suggest

Scalar = str | int | float | bool | None

_IMPLICIT = re.compile(r"label-([1-9][0-9]*)")


def is_implicit_region(name: str) -> bool:
    """Whether a region needs no definition: ``label-N`` is the single value N of the first label image."""
    return _IMPLICIT.fullmatch(name) is not None


@dataclass(frozen=True)
class Region:
    """A named part of the body: some values of a label image.

    Parameters
    ----------
    values
        The label values that make it up.
    labels
        Name of the label image; None for the case's first (mostly its only) one.
    """

    values: tuple[int, ...]
    labels: str | None = None


@dataclass(frozen=True)
class Kept:
    """A region whose mask a store keeps, where others are values of a label image.

    Parameters
    ----------
    store, key
        Path or URL of the store, and the key of the mask's block there.
    digest
        Of its voxels and grid (`radstore.images.digest.volume_digest`): what keys are made of.
    image
        The same of the image it was made for; empty if that is not known.
    """

    store: str
    key: str
    digest: str
    image: str = ""


@dataclass(frozen=True)
class Case:
    """One image study: what it is and where it lies. Small and picklable: it travels to workers.

    Parameters
    ----------
    id
        Unique in the store.
    patient
        The group that must not straddle a split; several studies may share one.
    source
        Name of the source it comes from.
    image
        Path of the image: a file or a DICOM folder.
    labels
        Name and path of each label image.
    regions
        Region name → `Region`, or simply the values of the first label image.
    columns
        The case's row in the source's table, without the columns that became `id` and `patient`.
    problem
        Why the case cannot be used although it was found, or None.
    kept
        Region name → the mask that a store keeps for it, where that is used.
    """

    id: str
    patient: str
    source: str
    image: Path
    labels: tuple[tuple[str, Path], ...] = ()
    regions: Mapping[str, Region | tuple[int, ...]] = field(default_factory=dict)
    columns: Mapping[str, Scalar] = field(default_factory=dict)
    problem: CaseError | None = field(default=None, compare=False)
    kept: Mapping[str, Kept] = field(default_factory=dict)

    def region(self, name: str) -> Region:
        """The region called `name`: one of the catalog's, or ``label-N`` for the single value N.

        Raises
        ------
        RegionError
            If there is none, or the case has no label image; lists those there are.
        """
        known = [*self.regions, "label-N"]
        if name in self.regions:
            found = self.regions[name]
            region = found if isinstance(found, Region) else Region(tuple(found))
        elif implicit := _IMPLICIT.fullmatch(name):
            region = Region((int(implicit[1]),))
        else:
            raise RegionError(
                f"case {self.id} has no region {name!r}", suggest(name, known, "Its regions are")
            )
        self.label_path(region)
        return region

    def label_path(self, region: Region) -> Path:
        """The label image that `region` is a part of."""
        for name, path in self.labels:
            if region.labels in (None, name):
                return path
        wanted = f"label image {region.labels!r}" if region.labels else "label image"
        names = [name for name, _ in self.labels]
        raise RegionError(f"case {self.id} has no {wanted}", suggest(region.labels or "", names, "It has"))

    def files(self, region: str) -> list[Path]:
        """The files that the image and a region of it are read from.

        Raises
        ------
        RegionError
            As `region` does.
        """
        if region in self.kept:
            return [self.image]
        return [self.image, self.label_path(self.region(region))]

    def keeping(self, region: str, mask: Kept) -> Case:
        """The same case with a mask that a store keeps; a label file is not needed then."""
        return replace(self, kept={**self.kept, region: mask}, problem=self.image_problem)

    @property
    def image_problem(self) -> CaseError | None:
        """Why not even the image can be used; None also where only the labels have a problem."""
        return None if isinstance(self.problem, LabelsError) else self.problem

    def refused(
        self, message: str, remedy: str, *, step: str = "find", kind: type[CaseError] = CaseError
    ) -> Case:
        """The same case with a problem; the first one stands, unless it was only one of the labels.

        Parameters
        ----------
        message, remedy
            Of the error.
        step
            Where it came up.
        kind
            `LabelsError` if the image can still be used.
        """
        if self.image_problem or (self.problem and kind is LabelsError):
            return self
        problem = kind(message, remedy)
        problem.step = step
        return replace(self, problem=problem)


@dataclass(frozen=True)
class Source:
    """A group of cases that are found the same way.

    Parameters
    ----------
    name
        Its key in the catalog.
    driver
        What finds them: a key of `radstore.catalog.drivers.DRIVERS`.
    args
        What the driver needs to know.
    regions
        Region name → `Region`.
    """

    name: str
    driver: str
    args: Mapping[str, Any] = field(default_factory=dict)
    regions: Mapping[str, Region] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a driver found.

    Parameters
    ----------
    cases
        In any order.
    notes
        What the user should know and nothing fails for, e.g. table rows without an image.
    """

    cases: Sequence[Case]
    notes: Sequence[str] = ()

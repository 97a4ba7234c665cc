"""The driver ``phantom``: a synthetic cohort as a source of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radstore.catalog import Case, Region
from radstore.errors import CatalogError
from radstore.phantom.home import claim
from radstore.phantom.people import Study, study
from radstore.phantom.sizes import SIZES
from radstore.suggest import suggest

VERSION = 2  # of the voxels: another number for another anatomy, texture or noise
ARGUMENTS = ("cases", "seed", "folder", "size", "signal")
REGIONS = {"pancreas": Region((1, 4, 5)), "lesion": Region((1,))}
SIGNAL = {"on": True, "off": False, True: True, False: False}


@dataclass(frozen=True)
class Cohort:
    """What ``args`` say.

    Parameters
    ----------
    cases
        How many; the first ones of a larger cohort are the same.
    seed
        Which cohort.
    folder
        Where its files lie: ``images/<case>_0000.nii.gz`` and ``labels/<case>.nii.gz``.
    size
        A name in `SIZES`.
    signal
        Whether texture tells a PDAC.
    """

    cases: int
    seed: int
    folder: Path
    size: str = "small"
    signal: bool = True

    @property
    def identity(self) -> dict[str, object]:
        """What its voxels follow from, beside the number of a case."""
        return {
            "driver": "phantom",
            "version": VERSION,
            "seed": self.seed,
            "size": self.size,
            "signal": self.signal,
        }

    def image(self, who: Study) -> Path:
        """The CT: int16, HU."""
        return self.folder / "images" / f"{who.case_id}_0000.nii.gz"

    def label(self, who: Study) -> Path:
        """The labels: uint8, PANORAMA's values."""
        return self.folder / "labels" / f"{who.case_id}.nii.gz"


def cases(
    name: str, args: Mapping[str, Any], regions: Mapping[str, Region] | None, folder: Path
) -> list[Case]:
    """The cases of a phantom source; its files are written where they are missing, and never rewritten.

    Parameters
    ----------
    name
        The source's name in the catalog.
    args
        ``cases`` (12), ``seed`` (0), ``folder`` (``demo``), relative to the catalog's folder, ``size``
        (``small``, or ``full``: PANORAMA's), and ``signal`` (``on``, or ``off``: nothing tells a PDAC).
    regions
        Region name → `Region`; without any, PANORAMA's ``pancreas`` and ``lesion``.
    folder
        The catalog's folder.

    Returns
    -------
    list of Case
        Columns: ``label`` (1 for PDAC), ``patient_age``, ``patient_sex``, ``scanner``.

    Raises
    ------
    CatalogError
        If an argument is unknown or impossible, or the folder holds something else or cannot be made.
    BadInput
        If an image cannot be written.
    """
    cohort = parse(name, args, folder)
    claim(cohort.folder, cohort.identity)
    people = [study(index) for index in range(cohort.cases)]
    for who in people:
        write_missing(cohort, who)
    return [_case(name, cohort, who, regions or REGIONS) for who in people]


def _case(name: str, cohort: Cohort, who: Study, regions: Mapping[str, Region]) -> Case:
    return Case(
        id=who.case_id,
        patient=who.patient_id,
        source=name,
        image=cohort.image(who),
        labels=(("labels", cohort.label(who)),),
        regions=regions,
        columns=who.row(cohort.seed),
    )


def parse(name: str, args: Mapping[str, Any], folder: Path) -> Cohort:
    """Check a source's ``args``."""
    for key in args:
        if key not in ARGUMENTS:
            raise CatalogError(
                f"source {name!r}: the driver phantom has no argument {key!r}",
                suggest(key, ARGUMENTS, "Its arguments are"),
            )
    where = args.get("folder", "demo")
    if not isinstance(where, str | Path) or not str(where):
        raise CatalogError(f"source {name!r}: folder is {where!r}", "Give the path of a folder.")
    return Cohort(
        cases=_whole(name, args, "cases", 12, 1),
        seed=_whole(name, args, "seed", 0, 0),
        folder=folder / where,
        size=_one_of(name, args, "size", "small", tuple(SIZES)),
        signal=SIGNAL[_one_of(name, args, "signal", "on", tuple(SIGNAL))],
    )


def _whole(name: str, args: Mapping[str, Any], key: str, default: int, least: int) -> int:
    value = args.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise CatalogError(f"source {name!r}: {key} is {value!r}", f"Give a whole number from {least} on.")
    return value


def _one_of(name: str, args: Mapping[str, Any], key: str, default: Any, allowed: tuple[Any, ...]) -> Any:
    value = args.get(key, default)
    if not isinstance(value, str | bool) or value not in allowed:
        words = [word for word in allowed if isinstance(word, str)]
        raise CatalogError(f"source {name!r}: {key} is {value!r}", suggest(str(value), words, "Give one of"))
    return value


def write_missing(cohort: Cohort, who: Study) -> None:
    """Write the files of one case that are not there; nothing is computed when both are."""
    image, label = cohort.image(who), cohort.label(who)
    if image.exists() and label.exists():
        return
    # SimpleITK and scipy only where there is something to draw
    from radstore.images.write import write_volume
    from radstore.phantom.scan import take

    ct, labels = take(cohort.seed, who, SIZES[cohort.size], cohort.signal)
    for path, volume in ((image, ct), (label, labels)):
        if not path.exists():
            write_volume(volume, path)

"""Which cases to predict, and where their CTs lie: in a store, in a catalog's files, or in files alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fusion.folds import patient_of
from radstore.errors import BadInput, CaseError
from radstore.images.read import SUFFIXES, read_image
from radstore.images.volume import Geometry, Volume
from radstore.suggest import missing_path, suggest

if TYPE_CHECKING:
    import os

    from radstore.catalog import Case
    from radstore.store.query import CaseView, Snapshot

CHANNEL = "_0000"  # that nnU-Net's file names have behind the case


@dataclass(frozen=True, eq=False)
class Study:
    """One CT to predict.

    Parameters
    ----------
    id
        Names the files of its prediction.
    source
        Of the catalog, or the file: its whole path.
    read
        Gives the CT in HU.
    patient
        By the catalog's tables; None: a bare file, of whose patient nothing is known.
    fold
        The fold that holds its patient out; None: no chain has seen the patient.
    stored
        What a store knows of it.
    """

    id: str
    source: str
    read: Callable[[], Volume]
    patient: str | None = None
    fold: int | None = None
    stored: CaseView | None = None


def find_studies(
    files: Sequence[Path | str],
    store: str | os.PathLike[str] | None,
    version: str | int | None,
    catalog: Path | str | None,
    *,
    source: str | None = None,
    cases: Sequence[str] | None = None,
    fold: int | None = None,
    limit: int | None = None,
) -> list[Study]:
    """The cases that are meant; parameters as of `fusion.predict.api.predict`.

    Raises
    ------
    BadInput
        If there is none, or what is asked for contradicts itself.
    """
    found = _meant(files, store, version, catalog, source, cases)
    found = [study for study in found if fold is None or study.fold == fold][:limit]
    if not found:
        raise BadInput(
            f"there is no case to predict{'' if fold is None else f' in fold {fold}'}",
            "`radstore status` lists the cases; `radstore split` gives them folds.",
        )
    return found


def _meant(
    files: Sequence[Path | str],
    store: str | os.PathLike[str] | None,
    version: str | int | None,
    catalog: Path | str | None,
    source: str | None,
    cases: Sequence[str] | None,
) -> list[Study]:
    if files:
        if store or catalog or source or cases:
            raise BadInput(
                "CT files and cases of a store or a catalog at once",
                "Predict them in two runs, to two folders.",
            )
        return of_files([Path(file) for file in files])
    if catalog is not None:
        from radstore.catalog import load_catalog

        loaded = load_catalog(catalog)
        snapshot = _snapshot(store or loaded.store, version, needed=store is not None)
        return of_catalog(loaded.cases(source, cases), snapshot)
    if store is None:
        raise BadInput("nothing to predict", "Name CT files, or --store, or --catalog.")
    snapshot = _snapshot(store, version, needed=True)
    return of_store(snapshot, source=source, cases=cases) if snapshot else []


def _snapshot(store: str | os.PathLike[str], version: str | int | None, *, needed: bool) -> Snapshot | None:
    """The store, or None where a catalog names one that is not built yet."""
    from radstore.store import layout
    from radstore.store.bucket import open_bucket
    from radstore.store.query import open_store

    if not needed and not layout.is_store(open_bucket(store)):
        return None
    return open_store(store, version)


def of_store(
    snapshot: Snapshot, *, source: str | None = None, cases: Sequence[str] | None = None
) -> list[Study]:
    """The cases of a store that have an image.

    Parameters
    ----------
    source, cases
        Only this source, only these cases.

    Raises
    ------
    BadInput
        If there is no such source or case, or none that has an image.
    """
    folds = _Folds(snapshot)
    views = [snapshot.case(case) for case in (snapshot.cases if cases is None else cases)]
    sources = sorted({str(view.info.get("source", "")) for view in views})
    if source is not None and source not in sources:
        raise BadInput(f"no case of source {source!r}", suggest(source, sources, "The store's sources are"))
    meant = [view for view in views if source in (None, view.info.get("source"))]
    missing = [view.id for view in meant if not _has_image(view)]
    if missing and (cases is not None or len(missing) == len(meant)):
        raise BadInput(
            f"{snapshot.bucket.location} has no image of {len(missing):,} of these cases (as {missing[0]})",
            "Build them with `radstore build`, or name the catalog they are in with --catalog.",
        )
    return [_stored(view, folds) for view in meant if _has_image(view)]


def of_catalog(cases: Iterable[Case], snapshot: Snapshot | None) -> list[Study]:
    """The cases of a catalog; what a store has of them is taken from there, the image too."""
    folds = _Folds(snapshot)
    known = set(snapshot.cases) if snapshot else set()
    studies = []
    for case in cases:
        view = snapshot.case(case.id) if snapshot and case.id in known else None
        if view is not None and _has_image(view):
            studies.append(_stored(view, folds))
        else:
            fold = folds.of(case.id, case.patient)
            studies.append(Study(case.id, case.source, _reader(case), case.patient, fold))
    return studies


def of_files(paths: Sequence[Path]) -> list[Study]:
    """CT files, DICOM folders, and folders of CT files.

    Raises
    ------
    BadInput
        If one is not there, or two would have one name.
    """
    found: dict[str, Path] = {}
    for path in (file for given in paths for file in _files(given)):
        name = case_name(path)
        if name in found:
            raise BadInput(
                f"{found[name]} and {path} would both be case {name!r}",
                "Predict them in two runs, to two folders; or rename one.",
            )
        found[name] = path
    return [_of_file(name, path) for name, path in found.items()]


def case_name(path: Path) -> str:
    """The case a file is of: its name without suffix and nnU-Net's channel number."""
    name = path.resolve().name
    suffix = next((end for end in sorted(SUFFIXES, key=len, reverse=True) if name.lower().endswith(end)), "")
    return name[: len(name) - len(suffix)].removesuffix(CHANNEL)


def _of_file(name: str, path: Path) -> Study:
    return Study(name, str(path.resolve()), lambda: read_image(path))


class _Folds:
    """The fold of a case, or of its patient: then no other chain may predict it."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        from radstore.store.manifest import FOLD

        records = dict(snapshot.manifest.items()) if snapshot else {}
        marked = {case: record for case, record in records.items() if record.marks.get(FOLD) is not None}
        self._of_case = {case: int(record.marks[FOLD]) for case, record in marked.items()}
        self._of_patient = {patient_of(case, record): self._of_case[case] for case, record in marked.items()}

    def of(self, case: str, patient: str) -> int | None:
        return self._of_case.get(case, self._of_patient.get(patient))


def _stored(view: CaseView, folds: _Folds) -> Study:
    def read() -> Volume:
        image = view.image
        return Volume(
            np.asarray(image.values), Geometry.from_json(image.attrs["geometry"]), f"case {view.id}"
        )

    patient = patient_of(view.id, view.record)
    return Study(view.id, str(view.info.get("source", "")), read, patient, folds.of(view.id, patient), view)


def _has_image(view: CaseView) -> bool:
    entry = view.record.blocks.get("image")
    return entry is not None and entry.ok


def _reader(case: Case) -> Callable[[], Volume]:
    def read() -> Volume:
        if case.problem is not None:
            raise CaseError(case.problem.message, case.problem.remedy)
        return read_image(case.image)

    return read


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BadInput(*missing_path(path))
    within = sorted(file for file in path.iterdir() if _is_ct(file)) if path.is_dir() else []
    return within or [path]  # else a file, or a DICOM folder


def _is_ct(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(SUFFIXES)

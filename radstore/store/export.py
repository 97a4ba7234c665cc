"""Out of the store: features as a table, maps as images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from radstore.errors import BadInput, StoreError
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.output_file import writing
from radstore.store.query import CaseView, Snapshot
from radstore.store.table import MAPS

if TYPE_CHECKING:
    import pandas as pd


def feature_frame(snapshot: Snapshot, view: str | None = None) -> pd.DataFrame:
    """A view's features as a data frame: one row a case, the case's columns first, then the features."""
    import pandas as pd

    table = snapshot.table(view)
    columns = [name for name, coord in table.coords.items() if coord.dims == ("case",) and name != "case"]
    index = pd.Index(table["case"].values, name="case")
    frame = pd.DataFrame(table["value"].values, index=index, columns=table["feature"].values.tolist())
    for at, name in enumerate(columns):
        frame.insert(at, str(name), table[name].values)
    return frame


def export_features(snapshot: Snapshot, path: str | Path, view: str | None = None) -> Path:
    """Write a view's features to a ``.csv`` or ``.parquet`` file.

    Raises
    ------
    BadInput
        If the suffix is another, Parquet's library is not installed, or the file cannot be written.
    StoreError
        If there is no such view.
    """
    path = Path(path)
    write = {".csv": _write_csv, ".parquet": _write_parquet}.get(path.suffix.lower())
    if write is None:
        raise BadInput(
            f"{path}: no table format is known by the suffix {path.suffix!r}", "Use .csv or .parquet."
        )
    frame = feature_frame(snapshot, view)
    with writing(path) as aside:
        write(frame, aside)
    return path


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    try:
        frame.to_parquet(path)
    except ImportError as error:
        raise BadInput(
            f"{path.suffix} needs pyarrow, which is not installed",
            "Run `pip install 'radstore[parquet]'`, or write a .csv.",
        ) from error


def export_maps(
    snapshot: Snapshot,
    folder: str | Path,
    *,
    view: str | None = None,
    cases: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    suffix: str = ".nrrd",
    full_grid: bool = True,
) -> list[Path]:
    """Write maps as images, ``<folder>/<case>/<feature><suffix>``, float32, NaN outside the region.

    Parameters
    ----------
    view, cases, features
        Which; default: the snapshot's view, every case that has its maps, every map.
    suffix
        One of `radstore.images.write.SUFFIXES`. NIfTI files hold NaN too, but ITK reads it as 0.
    full_grid
        On the whole grid the maps lie on (default), or cropped to the region's box.

    Raises
    ------
    StoreError
        If there are no such maps.
    BadInput
        If the suffix is unknown or a file cannot be written.
    """
    name = view or snapshot.view
    chosen = cases if cases is not None else _cases_with_maps(snapshot, name)
    if not chosen:
        raise StoreError(
            f"{snapshot.bucket.location}: no case has maps of {name}",
            "Build with `maps: true` in the spec, or name another --view.",
        )
    return [
        write_volume(volume, Path(folder) / case / f"{feature}{suffix}")
        for case in chosen
        for feature, volume in _maps(snapshot.case(case), name, features, full_grid)
    ]


def _cases_with_maps(snapshot: Snapshot, view: str) -> list[str]:
    name = MAPS + view
    return [case for case, r in snapshot.manifest.items() if name in r.blocks and r.blocks[name].ok]


def _maps(
    case: CaseView, view: str, features: Sequence[str] | None, full_grid: bool
) -> Iterator[tuple[str, Volume]]:
    """One map at a time: a whole grid of all of them may not fit into memory."""
    names = features if features is not None else case.get_maps(view)["feature"].values.tolist()
    for feature in names:
        one = case.get_map(feature, view, full_grid=full_grid)
        yield feature, Volume(one.values, Geometry.from_json(one.attrs["geometry"]), case.id)

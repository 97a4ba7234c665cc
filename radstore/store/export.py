"""Out of the store: features as a table, maps as images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from radstore.errors import BadInput, StoreError
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.store.query import Snapshot
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
        If the suffix is another, or Parquet's library is not installed.
    """
    path = Path(path)
    frame = feature_frame(snapshot, view)
    if path.suffix not in (".csv", ".parquet"):
        raise BadInput(
            f"{path}: cannot write {path.suffix or 'a file without suffix'}", "use .csv or .parquet"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path)
        return path
    try:
        frame.to_parquet(path)
    except ImportError as error:
        raise BadInput(
            f"{path}: Parquet needs pyarrow, which is not installed",
            "pip install 'radstore[parquet]', or use .csv",
        ) from error
    return path


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
        ``.nrrd``, ``.nii.gz``, ``.mha`` …
    full_grid
        On the whole grid the maps lie on (default), or cropped to the region's box.

    Raises
    ------
    StoreError
        If there are no such maps.
    """
    name = view or snapshot.view
    having = [case for case, r in snapshot.manifest.items() if MAPS + name in r.blocks]
    written = []
    for case in cases if cases is not None else having:
        maps = snapshot.case(case).get_maps(name)
        for feature in features if features is not None else maps["feature"].values.tolist():
            one = snapshot.case(case).get_map(feature, name, full_grid=full_grid)
            volume = Volume(one.values, Geometry.from_json(one.attrs["geometry"]), case)
            written.append(write_volume(volume, Path(folder) / case / f"{feature}{suffix}"))
    if not written:
        raise StoreError(
            f"{snapshot.bucket.location}: no case has maps of {name}", "build with `maps: true` in the spec"
        )
    return written

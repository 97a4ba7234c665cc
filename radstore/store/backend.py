"""``xr.open_dataset("./store", engine="radstore")``: the features of a store, for any xarray user."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from xarray.backends import BackendEntrypoint

if TYPE_CHECKING:
    import xarray as xr


class RadstoreBackend(BackendEntrypoint):
    """xarray's door to `radstore.open(...).table(...)`."""

    description = "Radiomics features of a radstore, as (case, feature)"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "version", "view")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        version: str | int | None = None,
        view: str | None = None,
    ) -> xr.Dataset:
        """Open one view of one version; see `radstore.store.table.feature_table`."""
        from radstore.store.query import open_store

        dataset = open_store(filename_or_obj, version).table(view)
        return dataset.drop_vars(drop_variables) if drop_variables else dataset

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """A local folder with our marker."""
        from pathlib import Path

        from radstore.store.layout import MARKER

        return isinstance(filename_or_obj, str | os.PathLike) and (Path(filename_or_obj) / MARKER).is_file()

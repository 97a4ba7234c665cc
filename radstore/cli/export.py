"""Write features or maps to files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radstore.cli import exits, options
from radstore.cli.options import store_location
from radstore.cli.output import many, say


def features(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .csv or .parquet file.")],
    view: options.View = None,
    version: options.Version = None,
    store: options.Store = None,
) -> int:
    """Write a view's features as a table.

    One row a case: its id, its columns (patient, source, those of the catalog's table), then the features.
    """
    from radstore.store.export import export_features
    from radstore.store.query import open_store

    say(str(export_features(open_store(store_location(store), version), out, view)))
    return exits.OK


def maps(
    out: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder; a map becomes DIR/CASE/FEATURE.nrrd.")
    ],
    view: options.View = None,
    cases: options.Cases = None,
    feature: Annotated[
        list[str] | None, typer.Option("--feature", metavar="NAME", help="Only this map. Repeatable.")
    ] = None,
    suffix: Annotated[
        str,
        typer.Option(
            "--format", metavar="SUFFIX", help="nrrd, mha, nii.gz or nii (of which ITK reads NaN as 0)."
        ),
    ] = "nrrd",
    cropped: Annotated[
        bool, typer.Option("--cropped", help="Only the region's box instead of the whole grid.")
    ] = False,
    version: options.Version = None,
    store: options.Store = None,
) -> int:
    """Write maps as images with their geometry.

    float32, NaN outside the region, on the grid they were computed on (the resampled one, if the spec
    resamples).
    """
    from radstore.store.export import export_maps
    from radstore.store.query import open_store

    written = export_maps(
        open_store(store_location(store), version),
        out,
        view=view,
        cases=options.case_list(cases),
        features=feature,
        suffix="." + suffix.lstrip("."),
        full_grid=not cropped,
    )
    say(f"{many(len(written), 'map')} in {out}")
    return exits.OK

"""``extract``: one case without a store."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radstore.cli import exits, options, output
from radstore.cli.output import many, note, say

if TYPE_CHECKING:
    from radstore.extract import Extraction


def extract(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The image: a file or a DICOM folder.")],
    mask: Annotated[Path, typer.Argument(metavar="MASK", help="The label image.")],
    features: options.Features,
    label: Annotated[
        int | None,
        typer.Option("--label", min=1, metavar="L", help="The region's value in MASK. Default: the spec's."),
    ] = None,
    engine: options.Engine = options.DEFAULT_ENGINE,
    settings: options.Set = None,
    maps: Annotated[
        Path | None,
        typer.Option("--maps", metavar="DIR", help="Also compute maps, one .nrrd each, into DIR."),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="OUT", help="Write one row to this CSV file.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Compute the features of one image and mask, without a store.

    Prints one line a feature, as PyRadiomics does, unless --csv or --json is given.
    """
    from radstore.engines.results import by_reason
    from radstore.extract import extract as run
    from radstore.spec import load_spec

    spec = load_spec(features, settings or ())
    for line in spec.notes:
        note(f"note: {line}")
    done = run(image, mask, spec, label=label, engine=engine, maps=maps is not None)
    note(done.engine_reason)
    if maps is not None:
        note(f"{many(len(done.write_maps(maps)), 'map')} in {maps}")
    if table is not None:
        _write_row(done, table)
        note(f"written: {table}")
    if as_json:
        output.show_json(done.json_record())
    elif table is None:
        for name, value in done.vector.values.items():
            say(f"{name}: {value!r}")
    for name, reason in done.failures.items():
        note(f"undefined  {name}: {reason}")
    for line in by_reason(done.notes):
        note(f"warning: {line}")
    return exits.OK


def _write_row(done: Extraction, path: Path) -> None:
    from radstore.output_file import writing

    row = done.csv_row()
    with writing(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)

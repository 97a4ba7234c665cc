"""``extract``: one case without a store."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from radstore.cli import options, output
from radstore.cli.output import many, note, say


def extract(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The image: a file or a DICOM folder.")],
    mask: Annotated[Path, typer.Argument(metavar="MASK", help="The label image.")],
    features: options.Features,
    label: Annotated[
        int | None, typer.Option("--label", metavar="L", help="Value of the region; default: the spec's.")
    ] = None,
    engine: options.Engine = "auto",
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
    """Compute the features of one image and mask, without a store."""
    from radstore.extract import extract as run
    from radstore.spec import load_spec

    spec = load_spec(features, settings or ())
    for line in spec.notes:
        note(f"note    {line}")
    done = run(image, mask, spec, label=label, engine=engine, maps=maps is not None)
    note(done.engine_reason)
    if maps is not None:
        written = done.write_maps(maps)
        note(f"{many(len(written), 'map')} in {maps}")
    if table is not None:
        row = done.csv_row()
        table.parent.mkdir(parents=True, exist_ok=True)
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)
        note(f"written: {table}")
    if as_json:
        output.show_json(done.json_record())
    elif table is None:
        for name, value in done.vector.values.items():
            say(f"{name}: {value!r}")
    for name, reason in done.failures.items():
        note(f"undefined  {name}: {reason}")
    return output.OK

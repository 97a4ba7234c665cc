"""``init`` and ``doctor``: beginning, and finding out what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radstore.cli import exits, options, output
from radstore.cli.options import DEFAULT_CATALOG
from radstore.cli.output import say, show_json, show_table


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the CTs and masks lie.")],
    catalog: Annotated[
        Path, typer.Option("--catalog", "-c", metavar="FILE", help="The catalog to write.")
    ] = DEFAULT_CATALOG,
    force: options.Force = False,
) -> int:
    """Look at a folder of CTs and masks, write a first catalog.

    The catalog says in comments what was seen; look it over before you build.
    """
    from radstore.catalog.guess import guess_catalog
    from radstore.errors import BadInput
    from radstore.output_file import writing

    if catalog.exists() and not force:
        raise BadInput(f"{catalog} is there already", "Name another with --catalog, or use --force.")
    text = guess_catalog(folder, catalog.absolute().parent)
    with writing(catalog) as file:
        file.write_text(text, encoding="utf-8")
    say(text)
    named = "" if catalog == DEFAULT_CATALOG else f" --catalog {catalog}"
    say(f"written: {catalog}")
    say(f"Look it over, name its regions, then: radstore check --features selected.yaml{named}")
    return exits.OK


def doctor(as_json: options.Json = False) -> int:
    """Say what is installed and which engines work, or why not."""
    from radstore.cuda import limit_told
    from radstore.doctor import diagnose

    found = diagnose()
    if as_json:
        show_json(found)
        return exits.OK
    say(f"radstore {found.radstore}, Python {found.python}, {found.platform}")
    say(
        f"{output.many(found.cores, 'core')}, {found.free_memory_gb:.1f} GB of memory free, "
        f"{found.free_disk_gb:.1f} GB of disk free here"
    )
    say()
    show_table(
        ("package", "version", "for"),
        [(p.name, p.version or "not installed", p.purpose) for p in found.packages],
    )
    say()
    show_table(("engine", "state"), found.engines.items())
    say()
    if found.gpus:
        show_table(
            ("GPU", "memory", "CUDA_VISIBLE_DEVICES"),
            [(str(gpu), f"{gpu.memory / 1e9:.0f} GB", gpu.visible) for gpu in found.gpus],
        )
        say(f"memory taken of a GPU: {limit_told()}")
    else:
        say(f"no GPU: {found.no_gpu}")
    return exits.OK

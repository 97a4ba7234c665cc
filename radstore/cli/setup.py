"""``init`` and ``doctor``: beginning, and finding out what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radstore.cli import options, output
from radstore.cli.options import DEFAULT_CATALOG
from radstore.cli.output import say, show_json, show_table


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the CTs and masks lie.")],
    catalog: options.CatalogFile = Path(DEFAULT_CATALOG),
    force: Annotated[bool, typer.Option("--force", help="Replace a catalog that is there.")] = False,
) -> int:
    """Look at a folder of CTs and masks and write a first catalog.yaml for it."""
    from radstore.catalog.guess import guess_catalog
    from radstore.errors import BadInput

    if catalog.exists() and not force:
        raise BadInput(f"{catalog} is there already", "name another with --catalog, or use --force")
    text = guess_catalog(folder)
    catalog.write_text(text, encoding="utf-8")
    say(text)
    say(
        f"written: {catalog}. Look it over, then: radstore check --features selected.yaml --catalog {catalog}"
    )
    return output.OK


def doctor(as_json: options.Json = False) -> int:
    """Say what is installed, which engines work, and why the others do not."""
    from radstore.doctor import diagnose

    found = diagnose()
    if as_json:
        show_json(found)
        return output.OK
    say(f"radstore {found.radstore}, Python {found.python}, {found.platform}")
    say(
        f"{found.cores} cores, {found.free_memory_gb:.1f} GB of memory free, {found.free_disk_gb:.1f} GB on disk here"
    )
    show_table(
        ("package", "version", "for"),
        [(p.name, p.version or "not installed", p.purpose) for p in found.packages],
    )
    show_table(("engine", ""), found.engines.items())
    return output.OK

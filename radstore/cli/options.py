"""Options that several verbs share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CATALOG = "catalog.yaml"
DEFAULT_STORE = "./store"

Features = Annotated[
    Path,
    typer.Option("--features", "-f", metavar="FILE", help="Which numbers: a spec or a PyRadiomics file."),
]
CatalogFile = Annotated[
    Path, typer.Option("--catalog", "-c", metavar="FILE", help="What and where: the catalog of cases.")
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        "-s",
        metavar="PATH|URL",
        help=f"The store. Default: the one {DEFAULT_CATALOG} names, if it lies here, else {DEFAULT_STORE}.",
    ),
]
Source = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="Only this source of the catalog.")
]
Cases = Annotated[
    str | None, typer.Option("--cases", metavar="ID,ID,…", help="Only these cases, separated by commas.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N cases.")]
Engine = Annotated[str, typer.Option("--engine", metavar="auto|cpu|cuda|pyradiomics", help="Who computes.")]
Region = Annotated[
    str | None,
    typer.Option("--region", metavar="NAME", help="In which region; default: the spec's. Or label-N."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the spec, e.g. setting.binWidth=25. Repeatable."),
]
Version = Annotated[
    str | None, typer.Option("--version", metavar="TAG|N", help="Which version; default: the latest.")
]
View = Annotated[
    str | None, typer.Option("--view", metavar="SPEC@REGION", help="Which view; default: the last one built.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def case_list(cases: str | None) -> list[str] | None:
    """The ids of ``--cases``, or None for all."""
    return [case.strip() for case in cases.split(",") if case.strip()] if cases else None


def store_location(store: str | None) -> str:
    """Where the store is: as asked, else as the catalog here says, else `DEFAULT_STORE`."""
    if store:
        return store
    if Path(DEFAULT_CATALOG).is_file():
        from radstore.catalog import load_catalog

        return str(load_catalog(DEFAULT_CATALOG).store)
    return DEFAULT_STORE

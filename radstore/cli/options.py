"""Options that several verbs share, each defined once, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radstore.errors import BadInput

DEFAULT_CATALOG = Path("catalog.yaml")
DEFAULT_STORE = "./store"
DEFAULT_ENGINE = "auto"

Features = Annotated[
    Path,
    typer.Option("--features", "-f", metavar="FILE", help="Which numbers: a spec or a PyRadiomics file."),
]
CatalogFile = Annotated[
    Path, typer.Option("--catalog", "-c", metavar="FILE", help="What and where: the catalog of cases.")
]
CatalogToo = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        "-c",
        metavar="FILE",
        help=f"Its cases count too. Default: the {DEFAULT_CATALOG} here, without --store.",
    ),
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
CatalogsStore = Annotated[
    str | None,
    typer.Option("--store", "-s", metavar="PATH|URL", help="The store. Default: the one the catalog names."),
]
Source = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="Only this source of the catalog.")
]
Cases = Annotated[
    str | None, typer.Option("--cases", metavar="ID,ID,…", help="Only these cases, separated by commas.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N cases.")]
Engine = Annotated[
    str,
    typer.Option("--engine", metavar="NAME", help="Who computes: auto, or one that `radstore doctor` lists."),
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="NAME",
        help="In which region: one of the catalog's or the store's, or label-N. Default: the spec's.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the spec, e.g. setting.binWidth=25. Repeatable."),
]
Version = Annotated[
    str | None, typer.Option("--version", metavar="TAG|N", help="Which version. Default: the latest.")
]
View = Annotated[
    str | None, typer.Option("--view", metavar="SPEC@REGION", help="Which view. Default: the last one built.")
]
Label = Annotated[
    str, typer.Option("--label", metavar="NAME", help="The column with the class of each case.")
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, metavar="N", help="Processes at work. Default: one a core.")
]
Message = Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="Why; stands in the log.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def case_list(cases: str | None) -> list[str] | None:
    """The ids of ``--cases``, or None for all.

    Raises
    ------
    BadInput
        If it was given but names none: most likely an empty shell variable, which must not mean all.
    """
    if cases is None:
        return None
    ids = [case.strip() for case in cases.split(",") if case.strip()]
    if not ids:
        raise BadInput(f"--cases {cases!r} names no case", "Give ids separated by commas, or leave it out.")
    return ids


def given_store(store: str | None) -> str | None:
    """``--store`` as given, or None.

    Raises
    ------
    BadInput
        If it is empty: most likely an empty shell variable, which must not mean the default.
    """
    if store is not None and not store.strip():
        raise BadInput(f"--store {store!r} names no store", "Give a path or a URL, or leave it out.")
    return store


def store_location(store: str | None) -> str:
    """Where the store is: as asked, else as the catalog here says, else `DEFAULT_STORE`."""
    if given_store(store):
        return str(store)
    if DEFAULT_CATALOG.is_file():
        from radstore.catalog import load_catalog

        return str(load_catalog(DEFAULT_CATALOG).store)
    return DEFAULT_STORE


def catalog_file(catalog: Path) -> Path:
    """``--catalog``, which has to be there.

    Raises
    ------
    BadInput
        If it is not: says how to get one.
    """
    if not catalog.exists():
        where = f"in {Path.cwd()}" if catalog == DEFAULT_CATALOG else "there"
        raise BadInput(
            f"no {catalog} {where}",
            "Write one with `radstore init FOLDER`, or name another with --catalog.",
        )
    return catalog


def catalog_too(catalog: Path | None, store: str | None) -> Path | None:
    """``--catalog`` of a verb that can do without: as given, else the one here, unless ``--store`` is given.

    Raises
    ------
    BadInput
        If the one that was given is not there.
    """
    if catalog is not None:
        return catalog_file(catalog)
    return DEFAULT_CATALOG if given_store(store) is None and DEFAULT_CATALOG.is_file() else None

"""The app: every verb, in the order ``radstore --help`` lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

import radstore
from radstore.cli import build, export, extract, perturb, query, select, setup, split, versions
from radstore.cli.program import empty, speaking

HELP = """A feature store for medical-imaging radiomics: CTs and masks in, versioned Zarr out.

Exit codes: 0 all done, 1 some cases failed, 2 bad input and nothing was changed, 130 stopped by Ctrl-C.
"""

app = empty("radstore", HELP)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(radstore.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


VERBS: tuple[Callable[..., int], ...] = (
    setup.init,
    build.check,
    build.build,
    split.split,
    perturb.perturb,
    select.select,
    extract.extract,
    query.features,
    query.ls,
    query.show,
    query.status,
    versions.log,
    versions.diff,
    versions.tag,
    versions.verify,
    versions.expire,
    versions.gc,
    setup.doctor,
)
EXPORTS: tuple[Callable[..., int], ...] = (export.features, export.maps)

for verb in VERBS:
    app.command()(speaking("radstore", verb))
_export = typer.Typer(help=export.__doc__, no_args_is_help=True)
for verb in EXPORTS:
    _export.command()(speaking("radstore", verb))
app.add_typer(_export, name="export")

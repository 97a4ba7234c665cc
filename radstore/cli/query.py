"""Looking into a store, and at what could be computed: ``features``, ``ls``, ``show``, ``status``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radstore.cli import options, output
from radstore.cli.options import DEFAULT_CATALOG, store_location
from radstore.cli.output import many, say, show_failures, show_json, show_table


def ls(
    version: options.Version = None,
    view: options.View = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """List the views and the cases of a store."""
    from radstore.store.query import open_store

    snapshot = open_store(store_location(store), version)
    cases = {case: sorted(record.blocks) for case, record in snapshot.manifest.items()}
    if view:
        cases = {
            case: names for case, names in cases.items() if any(name.endswith(f"/{view}") for name in names)
        }
    if as_json:
        show_json({"version": snapshot.version.number, "views": snapshot.views, "cases": cases})
        return output.OK
    say(f"{snapshot.bucket.location}, version {snapshot.version.number}")
    show_table(("view", "cases"), snapshot.views.items())
    rows = []
    for case in cases:
        one = snapshot.case(case)
        failed = [name for name, entry in one.record.blocks.items() if not entry.ok]
        state = f"failed: {', '.join(failed)}" if failed else many(len(one.record.blocks), "block")
        rows.append((case, one.info.get("patient", ""), one.info.get("source", ""), state))
    show_table(("case", "patient", "source", ""), rows)
    return output.OK


def show(
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")],
    version: options.Version = None,
    view: options.View = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Show one case: its columns, its blocks, and its features."""
    from radstore.store.query import open_store
    from radstore.store.table import FEATURES

    snapshot = open_store(store_location(store), version)
    one = snapshot.case(case)
    names = (
        [view] if view else [n.removeprefix(FEATURES) for n in one.record.blocks if n.startswith(FEATURES)]
    )
    tables = {name: one.features(name) for name in names if view or one.record.blocks[FEATURES + name].ok}
    values = {
        name: dict(zip(t["feature"].values.tolist(), t.values.tolist(), strict=True))
        for name, t in tables.items()
    }
    failures = {name: dict(table.attrs["failures"]) for name, table in tables.items()}
    if as_json:
        show_json(
            {
                "case": case,
                "info": one.info,
                "blocks": one.record.to_json()["blocks"],
                "features": values,
                "undefined": failures,
            }
        )
        return output.OK
    say(case)
    show_table(("", ""), one.info.items())
    rows = [
        (
            name,
            e.status,
            "×".join(map(str, e.shape)),
            ", ".join(f"{s:g}" for s in e.spacing),
            e.engine,
            e.key[:12],
        )
        for name, e in one.record.blocks.items()
    ]
    show_table(("block", "", "shape", "spacing mm", "engine", "key"), rows)
    show_failures({f"{case} {n}": e.error for n, e in one.record.blocks.items() if e.error is not None})
    for name, features in values.items():
        say(name)
        show_table(("feature", "value"), ((f, f"{v:.9g}") for f, v in features.items()))
        for feature, reason in failures[name].items():
            say(f"undefined  {feature}: {reason}")
    return output.OK


def status(
    version: options.Version = None,
    catalog: Annotated[
        Path | None,
        typer.Option(
            "--catalog", "-c", metavar="FILE", help="Its cases should be there; default: the one here."
        ),
    ] = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Say how far every view is: done, missing, failed and why."""
    from radstore.store import admin

    expected: tuple[str, ...] = ()
    if catalog is None and store is None and Path(DEFAULT_CATALOG).is_file():
        catalog = Path(DEFAULT_CATALOG)
    if catalog is not None:
        from radstore.catalog import load_catalog

        expected = tuple(case.id for case in load_catalog(catalog).cases())
    found = admin.status(store_location(store), version, expected=expected)
    if as_json:
        show_json(found)
    else:
        for one in found:
            say(f"{one.view}: {one.done} done, {len(one.missing)} missing, {len(one.failed)} failed")
            for case in one.missing[:20]:
                say(f"missing {case}")
            show_failures(one.failed, limit=len(one.failed))
            for case, count in one.undefined.items():
                say(f"undefined  {case}: {many(count, 'feature')} (see `radstore show {case}`)")
        if not found:
            say("no view yet; `radstore build` makes one")
    return output.SOME_FAILED if any(one.failed for one in found) else output.OK


def features(
    like: Annotated[str, typer.Argument(metavar="[WORD]", help="Only names or lines with this word.")] = "",
    as_json: options.Json = False,
) -> int:
    """List every feature and filter there is, with a line each."""
    from radstore.texture import names

    rows = [row for row in names.describe() if like.lower() in " ".join(row).lower()]
    if as_json:
        show_json([{"name": name, "description": line} for name, line in rows])
    else:
        show_table(("name", ""), rows)
    return output.OK

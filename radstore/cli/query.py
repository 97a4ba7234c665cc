"""Looking into a store, and at what could be computed: ``features``, ``ls``, ``show``, ``status``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radstore.cli import exits, options, output
from radstore.cli.options import store_location
from radstore.cli.output import LISTED, many, place, say, show_json, show_table
from radstore.errors import BadInput, StoreError
from radstore.suggest import suggest

if TYPE_CHECKING:
    from radstore.store.admin import PredictedRegion, Status
    from radstore.store.manifest import CaseRecord, Entry
    from radstore.store.query import CaseView, Snapshot


DIGITS = 12  # of a model's digest, for people


def ls(
    version: options.Version = None,
    view: Annotated[
        str | None, typer.Option("--view", metavar="SPEC@REGION", help="Only cases with this view.")
    ] = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """List the views and the cases of a store."""
    from radstore.store.admin import predicted_regions
    from radstore.store.query import open_store

    snapshot = open_store(store_location(store), version)
    if view is not None:
        _require_view(snapshot, view)
    records = {
        case: record
        for case, record in snapshot.manifest.items()
        if view is None or view in _views(record, ok=True)
    }
    if as_json:
        cases = {case: sorted(record.blocks) for case, record in records.items()}
        told = {"version": snapshot.version.number, "views": snapshot.views}
        show_json({**told, "regions": predicted_regions(snapshot.manifest), "cases": cases})
        return exits.OK
    number = snapshot.version.number
    say(f"{place(snapshot.bucket.location)}, version {number}: {many(len(records), 'case')}")
    if records:
        say()
        show_table(("view", "cases"), snapshot.views.items())
        _show_regions(predicted_regions(snapshot.manifest))
        say()
        show_table(
            ("case", "patient", "source", "views"), [_row(case, record) for case, record in records.items()]
        )
    return exits.OK


def _show_regions(regions: Mapping[str, PredictedRegion]) -> None:
    """The regions that models predicted, if there are any."""
    rows = [
        (name, told.cases, told.fallback, _listed(m[:DIGITS] for m in told.models), _listed(told.held_out))
        for name, told in regions.items()
    ]
    if rows:
        say()
        show_table(("predicted region", "cases", "fallback", "models", "held-out folds"), rows)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _row(case: str, record: CaseRecord) -> tuple[object, ...]:
    views = [*_views(record, ok=True), *(f"{name} failed" for name in _views(record, ok=False))]
    return case, record.info.get("patient", ""), record.info.get("source", ""), ", ".join(views)


def _views(record: CaseRecord, *, ok: bool) -> list[str]:
    from radstore.store.table import FEATURES

    names = (n for n, entry in record.blocks.items() if n.startswith(FEATURES) and entry.ok == ok)
    return sorted(name.removeprefix(FEATURES) for name in names)


def _require_view(snapshot: Snapshot, view: str) -> None:
    if view not in snapshot.views:
        raise StoreError(
            f"{snapshot.bucket.location}: version {snapshot.version.number} has no view {view!r}",
            suggest(view, snapshot.views, "Its views are"),
        )


def show(
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")],
    version: options.Version = None,
    view: Annotated[
        str | None, typer.Option("--view", metavar="SPEC@REGION", help="Only the features of this view.")
    ] = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Show one case: its columns, its blocks, its features."""
    from radstore.engines.results import by_reason
    from radstore.store.query import open_store

    one = open_store(store_location(store), version).case(case)
    names = _views(one.record, ok=True) if view is None else [view]
    tables = {name: one.features(name) for name in names}
    values = {
        name: dict(zip(t["feature"].values.tolist(), t.values.tolist(), strict=True))
        for name, t in tables.items()
    }
    undefined = {name: dict(table.attrs["failures"]) for name, table in tables.items()}
    if as_json:
        blocks = one.record.to_json()["blocks"]
        beside = {"info": one.info, "marks": one.marks}
        show_json({"case": case, **beside, "blocks": blocks, "features": values, "undefined": undefined})
        return exits.OK
    _show_record(one)
    for name, features in values.items():
        say()
        show_table((name, "value"), ((f, f"{v:.9g}") for f, v in features.items()))
        for feature, reason in undefined[name].items():
            say(f"undefined  {feature}: {reason}")
        for line in by_reason(tables[name].attrs.get("notes", {})):
            say(f"warning: {line}")
    return exits.OK


def _show_record(one: CaseView) -> None:
    first = ("patient", "source")
    info = {name: one.info[name] for name in (*first, *one.info) if name in one.info}
    rows = [*info.items(), *one.marks.items()]
    show_table(("case", one.id), ((name, "" if value is None else value) for name, value in rows))
    say()
    show_table(
        ("block", "shape zyx", "spacing zyx, mm", "engine"),
        [(name, *_described(entry)) for name, entry in sorted(one.record.blocks.items())],
    )
    for name, entry in sorted(one.record.blocks.items()):
        if entry.ok and entry.origin is not None:
            for line in _origin(entry.origin):
                say(f"{name}: {line}")
    failed = {f"{one.id} {n}": e.error for n, e in one.record.blocks.items() if e.error is not None}
    for line in output.failures(failed):
        say(line)


def _origin(origin: Mapping[str, Any]) -> Iterator[str]:
    """Where a predicted region comes from, and what should be known of it."""
    model = str(origin.get("model", "unknown"))[:DIGITS]
    held = _listed(origin.get("held_out", ())) or "none"
    yield f"predicted by model {model}, held-out folds {held}"
    status = origin.get("status", "ok")
    if "note" in origin:
        yield f"note: {origin['note']}"
    elif status != "ok":
        yield f"note: {status}, not what the model found"


def _described(entry: Entry) -> tuple[str, ...]:
    features, grid = entry.shape[:-3], entry.shape[-3:]  # maps have both, a vector or an image one of them
    size = " × ".join("×".join(map(str, axes)) for axes in (features, grid) if axes)
    spacing = "×".join(f"{mm:g}" for mm in reversed(entry.spacing))
    return size if entry.ok else entry.status, spacing, entry.engine


def status(
    version: options.Version = None,
    catalog: options.CatalogToo = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Say how far every view is: done, missing, failed and why."""
    from radstore.store import admin

    catalog = options.catalog_too(catalog, store)
    expected: tuple[str, ...] = ()
    if catalog is not None:
        from radstore.catalog import load_catalog

        loaded = load_catalog(catalog)
        expected = tuple(case.id for case in loaded.cases())
        store = store or str(loaded.store)
    found = admin.status(store_location(store), version, expected=expected)
    if as_json:
        show_json(found)
    else:
        for one in found:
            _show_status(one)
        if not found:
            say("no view yet; `radstore build` makes one")
    return exits.SOME_FAILED if any(one.failed for one in found) else exits.OK


def _show_status(one: Status) -> None:
    say(f"{one.view}: {one.done:,} done, {len(one.missing):,} missing, {len(one.failed):,} failed")
    for case in one.missing[:LISTED]:
        say(f"missing  {case}")
    if len(one.missing) > LISTED:
        say(f"… and {len(one.missing) - LISTED:,} more are missing; --json lists them all")
    for line in output.failures(one.failed):
        say(line)
    for case, count in one.undefined.items():
        say(f"undefined  {case}: {many(count, 'feature')}; `radstore show {case}` says why")


def features(
    like: Annotated[str, typer.Argument(metavar="WORD", help="Only names or lines with this word.")] = "",
    as_json: options.Json = False,
) -> int:
    """List every feature and filter there is, with a line each."""
    from radstore.texture import names

    described = dict(names.describe())
    rows = {name: line for name, line in described.items() if like.lower() in f"{name} {line}".lower()}
    if not rows:
        raise BadInput(f"no feature or filter has {like!r} in its name or line", suggest(like, described))
    if as_json:
        show_json([{"name": name, "description": line} for name, line in rows.items()])
    else:
        show_table(("name", "what it is"), rows.items())
    return exits.OK

"""Versions and health of a store: ``log``, ``diff``, ``tag``, ``verify``, ``expire``, ``gc``."""

from __future__ import annotations

from typing import Annotated

import typer

from radstore.cli import options, output
from radstore.cli.options import store_location
from radstore.cli.output import many, say, show_json, show_table, stderr, when

DAY = 24 * 3600.0


def log(store: options.Store = None, as_json: options.Json = False) -> int:
    """List the versions of a store, newest first."""
    from radstore.store import admin
    from radstore.store.query import open_store

    where = store_location(store)
    versions = admin.log(where)
    named: dict[int, list[str]] = {}
    for tag_name, number in open_store(where).tags.items():
        named.setdefault(number, []).append(tag_name)
    if as_json:
        show_json([{**vars(v), "tags": named.get(v.number, [])} for v in versions])
        return output.OK
    rows = [
        (
            v.number,
            when(v.time),
            v.changed,
            v.build.get("view", ""),
            " ".join(named.get(v.number, [])),
            v.message,
        )
        for v in versions
    ]
    show_table(("version", "time", "cases", "view", "tags", "message"), rows)
    return output.OK


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A version: tag or number.")],
    b: Annotated[str | None, typer.Argument(metavar="B", help="Another; default: the latest.")] = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Say what version B has that A has not, and which features changed by how much."""
    from radstore.store import admin

    found = admin.diff(store_location(store), a, b)
    if as_json:
        show_json(found)
        return output.OK
    if not found:
        say("no difference")
        return output.OK
    for sign, title, cases in (("+", "added", found.cases_added), ("-", "removed", found.cases_removed)):
        for case in cases:
            say(f"{sign} case {case} {title}")
    for case, names in found.cases_changed.items():
        say(f"~ case {case}: {', '.join(names)}")
    for view, names in found.features_added.items():
        say(f"+ {view}: {', '.join(names)}")
    for view, names in found.features_removed.items():
        say(f"- {view}: {', '.join(names)}")
    rows = [
        (v, name, f"{change:g}")
        for v, all_ in found.features_changed.items()
        for name, change in all_.items()
    ]
    if rows:
        show_table(("view", "feature", "max |change|"), rows)
    return output.OK


def tag(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tag.")],
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="What it names; default: the latest.")
    ] = None,
    store: options.Store = None,
) -> int:
    """Name a version for good."""
    from radstore.store import admin

    found = admin.tag(store_location(store), name, version)
    say(f"{name} names version {found.number}")
    return output.OK


def verify(
    version: options.Version = None, store: options.Store = None, as_json: options.Json = False
) -> int:
    """Read every block of a version again and compare it with its checksum."""
    from rich.progress import Progress

    from radstore.store import admin

    with Progress(console=stderr(), transient=True, disable=not stderr().is_terminal) as bar:
        task = bar.add_task("reading")
        found = admin.verify(
            store_location(store),
            version,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        show_json(found)
    else:
        for where, problem in found.damaged.items():
            say(f"damaged  {where}: {problem}")
        say(f"{many(found.blocks, 'block')} read, {len(found.damaged) or 'none'} damaged")
    return output.SOME_FAILED if found.damaged else output.OK


def expire(
    keep: Annotated[int | None, typer.Option("--keep", min=1, metavar="N", help="Keep the newest N.")] = None,
    older_than: Annotated[
        float | None, typer.Option("--older-than", min=0, metavar="DAYS", help="Drop only what is older.")
    ] = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Drop old versions from the log. The latest and tagged ones stay; gc then frees what they held."""
    from radstore.errors import BadInput
    from radstore.store import admin

    if keep is None and older_than is None:
        raise BadInput("expire: which versions?", "give --keep N, --older-than DAYS, or both")
    days = None if older_than is None else older_than * DAY
    dropped = admin.expire(store_location(store), keep=keep, older_than=days)
    if as_json:
        show_json({"dropped": dropped})
    else:
        say(f"{many(len(dropped), 'version')} dropped; `radstore gc` frees what only they held")
    return output.OK


def gc(
    grace: Annotated[
        float, typer.Option("--grace", min=0, metavar="HOURS", help="Spare what is younger than this.")
    ] = 24.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Delete what no version names any more."""
    from radstore.build.needs import gigabytes
    from radstore.store import admin

    found = admin.gc(store_location(store), grace=grace * 3600, dry_run=dry_run)
    if as_json:
        show_json(found)
        return output.OK
    verb = "would be deleted" if dry_run else "deleted"
    say(f"{many(found.blocks, 'block')} ({many(found.files, 'file')}, {gigabytes(found.bytes)}) {verb}")
    if found.spared:
        say(f"{many(found.spared, 'file')} spared: too young, or of a build in progress")
    return output.OK

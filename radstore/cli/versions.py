"""Versions and health of a store: ``log``, ``diff``, ``tag``, ``verify``, ``expire``, ``gc``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from radstore.cli import exits, options
from radstore.cli.options import store_location
from radstore.cli.output import many, note, say, show_json, show_table, stderr, when
from radstore.errors import BadInput

if TYPE_CHECKING:
    from radstore.store.diff import Difference

DAY = 24 * 3600.0
HOUR = 3600.0


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
        return exits.OK
    if not versions:
        say("no version yet; `radstore build` makes one")
        return exits.OK
    rows = [
        (
            v.number,
            when(v.time),
            v.author,
            v.changed,
            v.build.get("view", ""),
            " ".join(named.get(v.number, [])),
            v.message,
        )
        for v in versions
    ]
    show_table(("version", "time", "author", "cases changed", "view", "tags", "message"), rows)
    return exits.OK


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A version: tag or number.")],
    b: Annotated[str | None, typer.Argument(metavar="B", help="Another. Default: the latest.")] = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Say what changed from version A to version B.

    Cases, blocks and features added, removed and changed, with the largest change of each feature.
    """
    from radstore.store import admin

    found = admin.diff(store_location(store), a, b)
    if as_json:
        show_json(found)
    else:
        _show_difference(found)
    return exits.OK


def _show_difference(found: Difference) -> None:
    if not found:
        say("no difference")
    for case in found.cases_added:
        say(f"+ case {case}")
    for case in found.cases_removed:
        say(f"- case {case}")
    for case, names in found.cases_changed.items():
        say(f"~ case {case}: {', '.join(names)}")
    for sign, changed in (("+", found.features_added), ("-", found.features_removed)):
        for view, names in changed.items():
            say(f"{sign} {many(len(names), 'feature')} of {view}: {', '.join(names)}")
    rows = [
        (view, name, f"{change:.3g}")
        for view, changes in found.features_changed.items()
        for name, change in changes.items()
    ]
    if rows:
        say()
        show_table(("view", "feature", "largest change"), rows)


def tag(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tag.")],
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="What it names. Default: the latest.")
    ] = None,
    store: options.Store = None,
) -> int:
    """Name a version for good."""
    from radstore.store import admin

    found = admin.tag(store_location(store), name, version)
    say(f"{name} names version {found.number}")
    return exits.OK


def verify(
    version: options.Version = None, store: options.Store = None, as_json: options.Json = False
) -> int:
    """Read every block of a version and compare checksums."""
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
    return exits.SOME_FAILED if found.damaged else exits.OK


def expire(
    keep: Annotated[int | None, typer.Option("--keep", min=1, metavar="N", help="Keep the newest N.")] = None,
    older_than: Annotated[
        float | None, typer.Option("--older-than", min=0, metavar="DAYS", help="Drop only what is older.")
    ] = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Drop old versions from the log.

    The latest version and tagged ones stay; with both --keep and --older-than, so does what either keeps.
    `radstore gc` then frees what only the dropped ones held.
    """
    from radstore.store import admin

    if keep is None and older_than is None:
        raise BadInput("expire was not told which versions", "Give --keep N, --older-than DAYS, or both.")
    days = None if older_than is None else older_than * DAY
    dropped = admin.expire(store_location(store), keep=keep, older_than=days)
    if as_json:
        show_json({"dropped": dropped})
    elif dropped:
        say(f"{many(len(dropped), 'version')} dropped: {', '.join(map(str, dropped))}")
        note("`radstore gc` frees what only they held")
    else:
        say("no version dropped")
    return exits.OK


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

    found = admin.gc(store_location(store), grace=grace * HOUR, dry_run=dry_run)
    if as_json:
        show_json(found)
        return exits.OK
    verb = "would be deleted" if dry_run else "deleted"
    if found.files:
        say(f"{many(found.blocks, 'block')} ({many(found.files, 'file')}, {gigabytes(found.bytes)}) {verb}")
    else:
        say("nothing to delete")
    if found.spared:
        say(f"{many(found.spared, 'file')} spared: younger than {grace:g} h, or of a build in progress")
    return exits.OK

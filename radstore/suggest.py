"""Remedies for a name that does not exist: the near miss, and what does exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def near_miss(word: object, known: Iterable[str]) -> str | None:
    """The known name that `word` was probably meant to be, whatever its case; None if none is close."""
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold(), name)
    close = get_close_matches(str(word).casefold(), list(folded), n=1)
    return folded[close[0]] if close else None


def suggest(word: object, known: Iterable[str], what: str = "There are", limit: int = 12) -> str:
    """A remedy: ``Did you mean 'sources'? There are: sources, store.``

    Parameters
    ----------
    word
        What was asked for.
    known
        What is there; at most `limit` are listed, in the given order.
    what
        How the list begins.
    """
    names = list(known)
    close = near_miss(word, names)
    listed = ", ".join(names[:limit]) if names else "none"
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return (f"Did you mean {close!r}? " if close else "") + f"{what}: {listed}{more}."


def missing_path(path: Path) -> tuple[str, str]:
    """Message and remedy for a path that is not there: how far it exists, and what lies there instead."""
    if path.is_symlink():
        return f"{path} is a link to {path.readlink()}, which does not exist", "Repair the link."
    folder = next((above for above in path.parents if above.is_dir()), path.parent)
    step = path.relative_to(folder).parts[0]
    names = sorted(entry.name for entry in folder.iterdir())
    return (
        f"{path} does not exist (the folder {folder} does; it has {len(names):,} entries, but no {step!r})",
        suggest(step, names, "In it", limit=5),
    )

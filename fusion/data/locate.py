"""Where the samples of a view lie in its store. What is unfit is refused here, before a training begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fusion.data.shards import attributes
from fusion.data.view import View
from fusion.recipe import REGION
from radstore.errors import BadInput
from radstore.store import blocks, layout
from radstore.store.bucket import for_each
from radstore.store.query import Snapshot
from radstore.suggest import near_miss


class Located(NamedTuple):
    """Where a case's sample lies in the store, and what its channels are."""

    path: str
    names: tuple[str, ...]


def locate(view: View, snapshot: Snapshot, cases: Sequence[str]) -> dict[str, Located]:
    """Where each case's sample lies.

    Raises
    ------
    BadInput
        If a case is not of the view, has no sample or a failed one, or one of another spec, without a channel
        that the recipe names, or without labels.
    """
    for case in cases:
        if case not in view.cases:
            raise no_case(case, view.cases, "the view")
    entries = [snapshot.case(case).entry(view.block) for case in cases]
    for case, entry in zip(cases, entries, strict=True):
        _require_spec(case, view, entry.spec)

    def look(key: str) -> tuple[str, dict[str, Any]]:
        path = blocks.path_of(snapshot.bucket, layout.object_folder(key))
        return path, attributes(snapshot.bucket, path)

    found = {}
    looked = for_each(snapshot.bucket, look, [entry.key for entry in entries])
    for case, (path, attrs) in zip(cases, looked, strict=True):
        _refuse_unfit(case, view, attrs)
        found[case] = Located(path, tuple(attrs["content"]["names"]))
    return found


def _require_spec(case: str, view: View, spec: str) -> None:
    """By the manifest: two specs that give the same maps share a sample, which knows of neither."""
    if spec != view.recipe.spec_hash:
        raise BadInput(
            f"case {case}: {view.block} was made with spec {spec[:12] or '(none)'}, "
            f"the recipe says {view.recipe.spec_hash[:12] or '(none)'}",
            "Make samples and model with the same spec: run `fusion plan` again.",
        )


def _refuse_unfit(case: str, view: View, attrs: Mapping[str, Any]) -> None:
    recipe, content, arrays = view.recipe, attrs["content"], attrs["arrays"]
    there = [*content["names"], *(name for name in arrays if name == REGION)]
    missing = [name for name in recipe.channels if name not in there]
    if missing:
        raise BadInput(
            f"case {case}: {view.block} has no channel {missing[0]!r} (it has {', '.join(there)})",
            "Make samples and model from the same plan: run `fusion plan` again.",
        )
    if not {"seg", "locations"} <= set(arrays):
        raise BadInput(f"case {case}: {view.block} has no labels", "Leave it out, or give it labels.")


def no_case(case: str, known: Mapping[str, Any], where: str) -> BadInput:
    """That a case is not there, and which was probably meant."""
    close = near_miss(case, known)
    hint = f"Did you mean {close!r}? " if close else ""
    return BadInput(f"no case {case!r} among the {len(known)} of {where}", f"{hint}See `radstore ls`.")

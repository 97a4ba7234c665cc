"""`Catalog`: the sources of one catalog.yaml and the cases in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from radstore.catalog.drivers import find
from radstore.catalog.model import Case, Found, Source
from radstore.errors import CatalogError
from radstore.suggest import near_miss, suggest


@dataclass(frozen=True)
class Catalog:
    """What is there, and where the numbers go. Files are looked for when cases are first asked for.

    Parameters
    ----------
    path
        The catalog.yaml.
    store
        Absolute path or URL of the store.
    sources
        Name → `Source`, in the file's order.
    """

    path: Path
    store: str
    sources: Mapping[str, Source]
    _found: dict[str, Found] = field(default_factory=dict, init=False, repr=False, compare=False)

    def cases(
        self, source: str | None = None, ids: Sequence[str] | None = None, limit: int | None = None
    ) -> list[Case]:
        """The cases, by source in the file's order and then by id.

        An id that two of the sources asked for have gives both cases a problem: the store keeps one case
        an id.

        Parameters
        ----------
        source
            Only this source.
        ids
            Only these cases.
        limit
            At most so many.

        Raises
        ------
        CatalogError
            If the source or an id is unknown, or a source cannot be used.
        """
        if limit is not None and limit < 1:
            raise CatalogError(f"a limit of {limit} leaves no case", "Give a whole number from 1 on.")
        cases = _clashing([case for found in self._search(source) for case in _sorted(found)])
        if ids is not None:
            self._refuse_unknown(ids, cases)
            cases = [case for case in cases if case.id in set(ids)]
        return cases[:limit]

    def notes(self, source: str | None = None) -> list[str]:
        """What finding the cases brought up that nothing fails for, e.g. table rows without an image."""
        return [note for found in self._search(source) for note in found.notes]

    def regions(self, source: str | None = None) -> list[str]:
        """Names of the regions that the catalog defines (``label-N`` is always there beside them)."""
        return list(dict.fromkeys(name for s in self._chosen(source) for name in s.regions))

    def _chosen(self, name: str | None) -> list[Source]:
        if name is None:
            return list(self.sources.values())
        if name not in self.sources:
            raise CatalogError(
                f"{self.path} has no source {name!r}", suggest(name, self.sources, "Its sources are")
            )
        return [self.sources[name]]

    def _search(self, name: str | None) -> list[Found]:
        for source in self._chosen(name):
            if source.name not in self._found:
                self._found[source.name] = find(source, self.path.parent)
        return [self._found[source.name] for source in self._chosen(name)]

    def _refuse_unknown(self, ids: Sequence[str], cases: Sequence[Case]) -> None:
        known = [case.id for case in cases]
        unknown = [id_ for id_ in dict.fromkeys(ids) if id_ not in set(known)]
        if unknown:
            listed = ", ".join(repr(id_) for id_ in unknown[:5]) + (" …" if len(unknown) > 5 else "")
            close = [near for id_ in unknown[:5] if (near := near_miss(id_, known))]
            hint = f"Did you mean {', '.join(close)}? " if close else ""
            some = ", ".join(known[:3]) + (" …" if len(known) > 3 else "")
            raise CatalogError(
                f"{self.path} has no case {listed}", f"{hint}There are {len(known):,} cases: {some}."
            )


def _sorted(found: Found) -> list[Case]:
    return sorted(found.cases, key=lambda case: case.id)


def _clashing(cases: list[Case]) -> list[Case]:
    """The cases, with a problem where an id comes twice."""
    count = Counter(case.id for case in cases)
    where: dict[str, list[str]] = {}
    for case in cases:
        if count[case.id] > 1:
            where.setdefault(case.id, []).append(f"{case.image} (source {case.source})")
    return [
        case.refused(
            f"the case id {case.id!r} comes {count[case.id]} times: {', '.join(where[case.id])}",
            "Give each case an id of its own, or build one source at a time into a store of its own.",
        )
        if case.id in where
        else case
        for case in cases
    ]

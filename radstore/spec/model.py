"""`Spec`: which numbers, with which settings; resolved, frozen and hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from radstore.canonical import digest_of
from radstore.graph import Graph, Mode, resolve
from radstore.spec.columns import Column
from radstore.spec.settings import IBSI_ONLY, UNHASHED, Settings, section
from radstore.texture.names import has_map

PRECISIONS: Mapping[str, int] = {"bitround12": 12}
"""Lossy ways of keeping maps → bits of the mantissa that stay. 12 bits: relative error 2⁻¹³ = 1.2e-4."""


@dataclass(frozen=True)
class Spec:
    """Which numbers, with which settings.

    Parameters
    ----------
    name
        What it is called: the stem of its file.
    settings
        The file's own settings, which rule reading and pre-processing.
    columns
        The numbers, in order; each carries the settings of its filter.
    region
        The region it is computed in unless another is named; None for the mask's label.
    maps
        Whether parametric maps are wanted beside the vector.
    precision
        One of `PRECISIONS` to keep maps rounded (smaller on disk); None to keep all 23 bits of float32.
    notes
        What the user should know: settings without effect, features that cannot tell images apart.
    provenance
        Where the list of features comes from, as the file says it (`radstore select` writes it). Kept, and
        neither part of the hash nor of the document: it changes no number.
    """

    name: str
    settings: Settings
    columns: tuple[Column, ...]
    region: str | None = None
    maps: bool = False
    precision: str | None = None
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], name: str = "spec") -> Spec:
        """A spec from what would stand in its file.

        Raises
        ------
        SpecError
            As `load_spec`, naming key paths instead of lines.
        """
        from radstore.spec.parse import parse  # which builds a Spec

        return parse(document, name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the numbers, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def has_maps(self) -> bool:
        """Whether any map is wanted: shape features have none."""
        return self.maps and any(has_map(column.family) for column in self.columns)

    @property
    def keep_bits(self) -> int | None:
        """Bits of the mantissa that maps keep; None: all."""
        return PRECISIONS[self.precision] if self.precision else None

    def graph(self, mode: Mode) -> Graph:
        """What has to be computed, each step once: for the vector (``roi``) or the maps (``voxel``)."""
        return resolve(self.columns, self.settings, mode)

    @cached_property
    def document(self) -> dict[str, Any]:
        """All that can change a number, as plain JSON with every default filled in.

        Itself the document of a spec with the same numbers. Without name, region, comments and the
        settings of `radstore.spec.settings.UNHASHED`; two files that mean the same give the same document.
        """
        plain = _plain(self.settings)
        filters: dict[str, dict[str, Any]] = {}
        for column in self.columns:
            # a shape feature stands on Original, but has nothing of its settings
            if has_map(column.family) and column.image_type not in filters:
                own = _plain(column.settings)
                filters[column.image_type] = {k: own[k] for k in own if own[k] != plain[k]}
        return {
            "features": list(self.names),
            "imageType": {name: own for name, own in filters.items() if own},
            "setting": {k: v for k, v in plain.items() if section(k) == "setting"},
            "voxelSetting": {k: v for k, v in plain.items() if section(k) == "voxelSetting"},
            "maps": self.maps,
            **({"ibsi": True} if self.settings.ibsi else {}),
            **({"precision": self.precision} if self.precision else {}),
        }

    @cached_property
    def hash(self) -> str:
        """sha256 (hex) of the document: equal for specs that ask for the same numbers."""
        return digest_of(self.document)


def _plain(settings: Settings) -> dict[str, Any]:
    idle = UNHASHED.keys() | (() if settings.ibsi else IBSI_ONLY)
    values = {name: value for name, value in settings if name not in idle}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

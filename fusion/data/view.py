"""`View`: what of a store one training reads. It is all that lies in nnU-Net's preprocessed folder.

nnU-Net wants a folder with one file a case; here it finds a single small ``view.json``, and the voxels stay
in the store. nnU-Net chooses the dataset class by file ending, so nothing but its own ``.pkl`` and ``.npy``
may lie beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from fusion.folds import patient_of
from fusion.recipe import Recipe
from fusion.samples.job import block_name
from radstore.errors import BadInput
from radstore.output_file import writing
from radstore.store.manifest import FOLD
from radstore.store.query import Snapshot, open_store

FILE = "view.json"
FORMAT = 1
REWRITE = "`fusion train` writes it: begin the training anew, in a folder of its own."


@dataclass(frozen=True)
class Member:
    """A case of a view: its patient, and the fold that holds it out (None: in no fold)."""

    patient: str
    fold: int | None = None


@dataclass(frozen=True)
class View:
    """What of a store one training reads.

    Parameters
    ----------
    store, version
        Location of the store and number of its version: later commits change nothing here.
    plan
        Name of the plan whose samples are read: ``stage1``, ``stage2-fold0``, ….
    recipe
        How they become the network's inputs.
    cases
        Case id → patient and fold; sorted.
    left_out
        Case id → why it has no sample.
    """

    store: str
    version: int
    plan: str
    recipe: Recipe
    cases: Mapping[str, Member]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def block(self) -> str:
        """The name of the samples' blocks in the store."""
        return block_name(self.plan)

    def open(self) -> Snapshot:
        """The version of the store, for reading."""
        return open_store(self.store, self.version)

    @classmethod
    def of(cls, snapshot: Snapshot, plan: str, recipe: Recipe) -> View:
        """Every case of a version that has a sample of the plan; who failed is left out, and listed.

        Raises
        ------
        BadInput
            If no case has one.
        """
        cases, left_out, name = {}, {}, block_name(plan)
        for case, record in snapshot.manifest.items():
            entry = record.blocks.get(name)
            if entry is None:
                continue
            if entry.ok:
                cases[case] = Member(patient_of(case, record), record.marks.get(FOLD))
            else:
                left_out[case] = (entry.error or {}).get("message", "failed")
        if not cases:
            raise BadInput(
                f"{snapshot.bucket.location}, version {snapshot.version.number}: no case has {name}",
                "Make the samples with `fusion plan`.",
            )
        return cls(snapshot.bucket.location, snapshot.version.number, plan, recipe, cases, left_out)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write it into nnU-Net's preprocessed folder, which is made; returns its path."""
        path = Path(folder) / FILE
        plain = {part.name: getattr(self, part.name) for part in fields(self)}
        plain |= {
            "recipe": self.recipe.to_json(),
            "cases": {case: asdict(member) for case, member in self.cases.items()},
            "left_out": dict(self.left_out),
        }
        with writing(path) as aside:
            aside.write_text(json.dumps({"format": FORMAT, **plain}, indent=1) + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> View:
        """The view in a folder.

        Raises
        ------
        BadInput
            If there is none, or it is not one that this program wrote.
        """
        path = Path(folder) / FILE
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInput(f"{path}: no view ({error})", REWRITE) from error
        try:
            return cls._from_json(value)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadInput(f"{path}: not a view of format {FORMAT} ({error!r})", REWRITE) from error

    @classmethod
    def _from_json(cls, value: dict[str, Any]) -> View:
        if value.pop("format") != FORMAT:
            raise ValueError("another format")
        cases = {case: Member(**member) for case, member in value["cases"].items()}
        return cls(**value | {"recipe": Recipe.from_json(value["recipe"]), "cases": cases})

"""A `Job`: which samples are made of which store; and the keys that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

from fusion.recipe import Recipe
from fusion.samples.preparation import Preparation
from radstore.build.digests import fingerprint
from radstore.canonical import digest_of
from radstore.catalog import Case
from radstore.store.blocks import TRAINING
from radstore.store.manifest import CaseRecord
from radstore.store.query import Snapshot
from radstore.store.table import MAPS, REGION

SAMPLES_VERSION = 1  # raised whenever a sample of the same inputs comes out otherwise


@dataclass(frozen=True)
class Digests:
    """What a sample's content depends on, of the case: of image and labels, and of the store's blocks."""

    image: str
    labels: str
    region: str = ""
    maps: str = ""


@dataclass(frozen=True)
class Job:
    """What is done to every case. Small and picklable: it travels to other processes.

    Parameters
    ----------
    snapshot
        The store, pinned: region and maps come from there.
    plans
        nnU-Net's, with the recipe.
    recipe
        The same recipe, read.
    plan_name
        ``stage1``, ``stage2-fold0``, …
    """

    snapshot: Snapshot
    plans: Mapping[str, Any]
    recipe: Recipe
    plan_name: str

    @property
    def name(self) -> str:
        """Of the block in the manifest."""
        return f"{TRAINING}/{self.plan_name}"

    @property
    def region(self) -> str:
        """Name of the region's block; empty for Stage 1."""
        return REGION + self.recipe.region if self.recipe.stage == 2 else ""

    @property
    def maps(self) -> str:
        """Name of the maps' block; empty where the recipe has no maps."""
        return MAPS + self.recipe.view if self.recipe.maps else ""

    @property
    def engine(self) -> str:
        """Who prepares: its version stands in the keys, as it does for PyRadiomics."""
        return f"nnunetv2/{version('nnunetv2')}"

    def record(self, case: Case) -> CaseRecord | None:
        """What the store says of a case."""
        return self.snapshot.manifest.get(case.id)

    def digests(self, case: Case, image: str, labels: str) -> Digests:
        """With those of the store's blocks; empty for blocks that are not there."""
        record = self.record(case) or CaseRecord()
        blocks = [record.blocks.get(name) for name in (self.region, self.maps)]
        region, maps = (entry.digest if entry is not None and entry.ok else "" for entry in blocks)
        return Digests(image, labels, region, maps)

    def key(self, digests: Digests) -> str:
        """Everything that determines a sample."""
        return digest_of([TRAINING, self._signature, asdict(digests)])

    @property
    def failure_key(self) -> str:
        """The key of a failure. It is tried again in every run."""
        return digest_of(["failed", self._signature])

    def fingerprints(self, case: Case) -> tuple[str | None, str | None]:
        """What the digests of image and labels depend on, seen from outside; None if a file is missing."""
        return fingerprint([case.image], "image"), fingerprint([case.labels[0][1]], "labels")

    @cached_property
    def preparation(self) -> Preparation:
        """What the plans say."""
        return Preparation.from_plans(self.plans)

    @cached_property
    def _signature(self) -> dict[str, Any]:
        """What the key says of plan and recipe; the same for every case."""
        recipe = self.recipe
        roi = asdict(recipe.roi) | {"mm": list(recipe.roi.mm)} if recipe.stage == 2 else None
        return {
            "version": SAMPLES_VERSION,
            "engine": self.engine,
            "preparation": self.preparation.document,
            "labels": sorted(recipe.labels.values()),
            "roi": roi,
        }

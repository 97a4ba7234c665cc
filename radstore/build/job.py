"""A `Job`: which spec, in which region, by which engine, into which store; and the keys that follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from radstore.build.digests import fingerprint
from radstore.canonical import digest_of
from radstore.catalog import Case
from radstore.engines.base import Engine, Local
from radstore.engines.registry import ON_GPU, choose
from radstore.errors import RegionError
from radstore.graph import Graph
from radstore.images.volume import Geometry, Index3
from radstore.spec import Spec
from radstore.store.manifest import CaseRecord
from radstore.store.table import FEATURES, MAPS, REGION

IMAGE = "image"


@dataclass(frozen=True)
class Inputs:
    """The content digests of a case's image and region mask.

    `kept`: the key of the block that keeps the mask, where the store does; else empty.
    """

    image: str
    mask: str
    kept: str = ""

    @property
    def leaves(self) -> dict[str, str]:
        """As the graph's leaves want them."""
        return {"image": self.image, "mask": self.mask}


@dataclass(frozen=True)
class Job:
    """What a build does to every case. Small, picklable: it travels to the workers.

    Parameters
    ----------
    spec
        Which numbers.
    region
        In which region: a name of the catalog, ``label-N``, or one that the store keeps masks of.
    engine
        Name of the engine.
    store
        Path or URL of the store.
    threads
        Threads a worker may use.
    """

    spec: Spec
    region: str
    engine: str
    store: str
    threads: int = 1

    @property
    def on_gpu(self) -> bool:
        """Whether the engine computes on a CUDA device."""
        return self.engine in ON_GPU

    @property
    def planner(self) -> Engine:
        """The engine as far as keys and estimates go: needs no device."""
        return planner(self.engine)

    def margin(self, image: Geometry) -> Index3 | None:
        """How far outside the region the engine reads, in voxels (z, y, x); None: the whole image."""
        reader = self.planner
        if not isinstance(reader, Local):
            return None
        found = [reader.margin(graph, image) for graph in self.graphs.values()]
        known = [margin for margin in found if margin is not None]
        if len(known) < len(found):
            return None
        z, y, x = (max(along) for along in zip(*known, strict=True))
        return z, y, x

    @property
    def view(self) -> str:
        """The view's name: spec@region."""
        return f"{self.spec.name}@{self.region}"

    @cached_property
    def graphs(self) -> dict[str, Graph]:
        """Block name → the graph whose features it holds: the global vector and, if asked for, the maps."""
        graphs = {FEATURES + self.view: self.spec.graph("roi")}
        if self.spec.has_maps:
            graphs[MAPS + self.view] = self.spec.graph("voxel")
        return graphs

    def spec_hash(self, name: str) -> str:
        """The hash of the spec, of a block that it determines; empty for image and region."""
        return self.spec.hash if name in self.graphs else ""

    def leftovers(self, record: CaseRecord) -> set[str]:
        """Blocks of this view that an earlier spec asked for and this one does not (maps, mostly)."""
        return ({FEATURES + self.view, MAPS + self.view} - set(self.graphs)) & set(record.blocks)

    @cached_property
    def _signatures(self) -> dict[str, str]:
        """Block name → what its key says of graph and engine; the same for every case."""
        version = self.planner.version
        leaves = {"image": "image", "mask": "mask"}
        return {
            name: digest_of(
                [graph.names, list(graph.recipes(leaves, version).values()), self.keep_bits(name)]
            )
            for name, graph in self.graphs.items()
        }

    def keys(self, inputs: Inputs) -> dict[str, str]:
        """Block name → key, for a case with these inputs: everything that determines the block."""
        keys = {
            IMAGE: digest_of([IMAGE, inputs.image]),
            REGION + self.region: inputs.kept or digest_of([REGION, inputs.mask]),
        }
        for name, signature in self._signatures.items():
            keys[name] = digest_of([name.split("/")[0], signature, inputs.leaves])
        return keys

    def recipes(self, name: str, inputs: Inputs) -> dict[str, str]:
        """Feature → its own key, for the features of one block: the unit of reuse."""
        version = self.planner.version
        recipes = self.graphs[name].recipes(inputs.leaves, version)
        return {feature: digest_of([key, self.keep_bits(name)]) for feature, key in recipes.items()}

    def keep_bits(self, name: str) -> int | None:
        """Mantissa bits that a block's values keep; None: all. Only maps are ever rounded."""
        return self.spec.keep_bits if name.startswith(MAPS) else None

    def image_fingerprint(self, case: Case) -> str | None:
        """What the digest of the case's image depends on, seen from outside; None if a file is missing."""
        return fingerprint([case.image], "image")

    def mask_fingerprint(self, case: Case) -> str | None:
        """The same for its region mask: both files, the label values, and how the mask is read.

        Of a mask that the store keeps, its digest. None too if the case has no such region.
        """
        s = self.spec.settings
        if kept := case.kept.get(self.region):
            return fingerprint([case.image], "kept", kept.digest, kept.image, s.geometryTolerance)
        try:
            region = case.region(self.region)
        except RegionError:
            return None
        how = [list(region.values), s.label_channel, s.geometryTolerance, s.correctMask, s.resamples]
        return fingerprint([case.label_path(region), case.image], "mask", *how)

    def kept_key(self, case: Case) -> str:
        """The key of the block that keeps the case's mask; empty if a label file holds it."""
        kept = case.kept.get(self.region)
        return kept.key if kept else ""

    def failure_key(self, case: Case) -> str:
        """The key of a failure: while it stays the same, another try would fail the same way."""
        if case.problem is not None:
            seen: object = str(case.problem)
        else:
            seen = self.mask_fingerprint(case)
        return digest_of(["failed", seen, self.spec.hash, self.planner.version("feature")])


@lru_cache(maxsize=4)
def engine(name: str) -> Engine:
    """The engine of this process."""
    return choose(name)[0]


def planner(name: str) -> Engine:
    """The engine that tells keys, refusals and estimates of `name` on a machine without a GPU too."""
    return engine(ON_GPU.get(name, name))


def named_engine(asked: str, *, remote: bool = False) -> tuple[str, Engine, str]:
    """The name of the engine that computes, the one that plans for it here, and why it was chosen.

    Parameters
    ----------
    asked
        An engine's name, or ``auto``.
    remote
        Whether others compute: then an engine that was asked for need not work here.

    Raises
    ------
    EngineError
        As `radstore.engines.registry.choose` does.
    """
    if remote and asked in ON_GPU:
        return asked, planner(asked), f"engine {asked}: as asked, on the cluster's workers with a GPU"
    chosen, reason = choose(asked)
    return chosen.name, chosen, reason

"""Tiny models, CTs and samples; a site with files, a store and chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.inputs import Inputs
from fusion.recipe import Channel, Recipe
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.spec import Spec
from radstore.store.query import Snapshot, open_store

MAP = "original_firstorder_Mean"
SPACING = [4.0, 2.0, 2.0]  # of the tiny models' grid


def recipe_of(inputs: str = "ct", *, stage: int = 2, fold: int = 0, **others: Any) -> Recipe:
    """A recipe with one map and a vector of three."""
    given = {
        "maps": (Channel(MAP, 40.0, 20.0),),
        "vector": tuple(Channel(f"{name}", 1.0, 2.0) for name in ("one", "two", "three")),
    }
    return Recipe(stage=stage, fold=fold, inputs=Inputs(inputs), **({**given, **others}))


def ct_volume(shape: tuple[int, int, int] = (10, 40, 40), *, seed: int = 0) -> Volume:
    """A noisy CT with a bright block where the pancreas would be."""
    z, y, x = shape
    rng = np.random.default_rng(seed)
    array = rng.normal(-50, 30, shape)
    array[z // 4 : -(z // 4) or None, y // 4 : y // 2, x // 4 : x // 2] += 150
    geometry = Geometry((x, y, z), (1.5, 1.5, 3.0), (-20.0, 5.0, 100.0))
    return Volume(array.astype(np.int16), geometry, "a tiny CT")


@pytest.fixture
def tiny_model(tmp_path: Path, write_model: Callable[..., Path]) -> Callable[..., Path]:
    """Writes a model folder of a row: ``tiny_model("ct+maps+global", stage=2, fold=0)``."""
    made: list[Path] = []

    def write(inputs: str = "ct", *, seed: int = 0, **others: Any) -> Path:
        shaping: Mapping[str, Any] = {
            name: others.pop(name) for name in ("mirroring", "change", "spacing", "folder") if name in others
        }
        shaping = dict(shaping)
        folder = shaping.pop("folder", tmp_path / f"model{len(made)}")
        made.append(write_model(folder, recipe_of(inputs, **others), seed=seed, **shaping))
        return made[-1]

    return write


@pytest.fixture
def tiny_ct() -> Callable[..., Volume]:
    """Makes a small CT of a shape (z, y, x)."""
    return ct_volume


@pytest.fixture
def tiny_sample(tiny_ct: Callable[..., Volume]) -> Callable[..., Any]:
    """Makes a sample of a shape on the tiny network's grid: CT, one map (NaN outside a box), region."""
    from fusion.samples.sample import Sample

    def make(shape: tuple[int, int, int] = (10, 24, 24), *, seed: int = 0, first: int = 0) -> Sample:
        rng = np.random.default_rng(seed)
        region = np.zeros(shape, np.uint8)
        region[2:-2, 4:14, 4:14] = 1
        values = np.where(region == 1, rng.normal(40, 20, shape), np.nan)
        data = np.stack([rng.normal(size=shape), values]).astype(np.float32)
        z, y, x = (n + 2 * first for n in shape)
        properties = {
            "spacing": SPACING,
            "sitk_stuff": {
                "spacing": SPACING[::-1],
                "origin": [1.0, 2.0, 3.0],
                "direction": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            },
            "shape_before_cropping": [z, y, x],
            "bbox_used_for_cropping": [[first, first + n] for n in shape],
            "shape_after_cropping_and_before_resampling": list(shape),
        }
        return Sample(data, ("CT", MAP), region, properties=properties)

    return make


SPEC = Spec.from_dict(
    {
        "features": ["original_firstorder_Mean", "original_glcm_Contrast", "original_shape_Sphericity"],
        "setting": {"binWidth": 20},
        "voxelSetting": {"kernelRadius": 1},
        "maps": True,
    },
    "tiny",
)
CASES = {"a": 0, "b": 0, "c": 1, "d": 1, "new": None}  # case → fold
VIEW = "tiny@stage1-fold{}"


@dataclass(frozen=True)
class Site:
    """Five CTs in files, a store with their images and what chain 0 computed of them; models of two folds."""

    root: Path
    models: Path
    write_model: Callable[..., Path]

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.yaml"

    @property
    def store(self) -> Path:
        return self.root / "store"

    def snapshot(self) -> Snapshot:
        return open_store(self.store)

    def file(self, case: str) -> Path:
        return self.root / "images" / f"{case}_0000.nii.gz"

    def catalog_with_labels(self, folder: Path) -> Path:
        """The same catalog, with label files: whoever trains has them."""
        import yaml

        source = yaml.safe_load(self.catalog.read_text())["sources"]["here"]
        for case in CASES:
            image = ct_volume()
            labels = np.zeros(image.array.shape, np.uint8)
            labels[3:7, 12:18, 12:18], labels[4, 14, 14] = 4, 1
            write_volume(Volume(labels, image.geometry), folder / "labels" / f"{case}.nii.gz")
        images = str(self.root / "images" / "{case}_0000.nii.gz")
        source["args"] = {"image": images, "labels": str(folder / "labels" / "{case}.nii.gz")}
        file = folder / "catalog.yaml"
        file.write_text(yaml.safe_dump({"store": "unused", "sources": {"here": source}}))
        return file

    def build(self, store: Path) -> None:
        """What chain 0 computes, in the regions that the store has."""
        from radstore.build import build

        build(
            SPEC,
            catalog=self.catalog,
            store=store,
            region="stage1-fold0",
            engine="cpu",
            workers=1,
            check=False,
        )

    def recipe(self, inputs: str, fold: int, **others: Any) -> Recipe:
        """As `fusion plan` would make it."""
        given = {
            "region": f"stage1-fold{fold}",
            "view": VIEW.format(fold),
            "spec": SPEC.document,
            "spec_hash": SPEC.hash,
            "maps": tuple(Channel(name, 40.0, 60.0) for name in SPEC.names[:2]),
            "vector": tuple(Channel(name, 1.0, 30.0) for name in SPEC.names),
            "roi": replace(Recipe(2, 0).roi, mm=(6.0, 6.0, 3.0)),
        }
        return Recipe(stage=2, fold=fold, inputs=Inputs(inputs), **{**given, **others})

    def train(self, inputs: str, *folds: int, stage: int = 2, **others: Any) -> None:
        """Models of a row, or of Stage 1."""
        for fold in folds:
            row = "" if stage == 1 else inputs
            folder = self.models / f"stage{stage}" / row / f"chain{fold}"
            shaping = {name: others.pop(name) for name in ("change", "seed") if name in others}
            recipe = Recipe(1, fold) if stage == 1 else self.recipe(inputs, fold, **others)
            self.write_model(folder, recipe, **{"seed": 10 * stage + fold, **shaping})

    def view(self, inputs: str, fold: int) -> None:
        """Say beside a model of Stage 2 whom it was trained on, as `fusion train` does."""
        from fusion.data.view import Member, View
        from fusion.train.settings import Folders, model_folder

        snapshot = self.snapshot()
        members = {case: Member(case, number) for case, number in CASES.items()}
        view = View(
            str(self.store), snapshot.version.number, "stage2-fold0", self.recipe(inputs, fold), members
        )
        view.save(Folders(model_folder(self.models, 2, inputs, fold)).view)


def _find_bright(network: Any) -> None:
    """Make a tiny Stage 1 call parenchyma what is bright, and background what is not."""
    import torch

    with torch.no_grad():
        for weights in network.parameters():
            weights.zero_()
        for block in (network.encoder.stages[0], network.decoder.stages[0]):
            for conv in block.modules():
                if isinstance(conv, torch.nn.Conv3d):
                    conv.weight[:, -6:, 1, 1, 1] = 1.0 / 6  # of the decoder: the skip's channels
                if isinstance(conv, torch.nn.InstanceNorm3d):
                    conv.weight.fill_(1.0)
        head = network.decoder.seg_layers[-1]
        head.weight[4] = 1.0
        head.bias[0] = 6 * 2.2  # six channels, each the CT in standard deviations


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, write_model: Callable[..., Path]) -> Site:
    """The site without models, built once."""
    import yaml

    from radstore.store import layout, log
    from radstore.store.blocks import CODEC
    from radstore.store.bucket import open_bucket
    from radstore.store.log import Change
    from radstore.store.manifest import CaseRecord
    from radstore.store.regions import StoredRegion, keep_regions

    root = tmp_path_factory.mktemp("site")
    site = Site(root, root / "models", write_model)
    for seed, case in enumerate(CASES):
        write_volume(ct_volume(seed=seed), site.file(case))
    files = {"image": "{{ CATALOG_DIR }}/images/{case}_0000.nii.gz"}
    source = {"driver": "files", "args": files}
    site.catalog.write_text(yaml.safe_dump({"store": str(site.store), "sources": {"here": source}}))
    masks = {}
    for seed, (case, fold) in enumerate(CASES.items()):
        image = ct_volume(seed=seed)
        array = np.zeros(image.array.shape, np.uint8)
        array[2:8, 10:20, 10 : 18 + seed] = 1
        held_out = [0 if fold is None else fold]
        origin = {
            "stage": 1,
            "model": "m",
            "held_out": held_out,
            "status": "fallback" if case == "b" else "ok",
        }
        masks[case] = StoredRegion(Volume(array, image.geometry), origin)
    layout.create(open_bucket(site.store), CODEC)
    info = {case: {"patient": case, "source": "here"} for case in CASES}
    keep_regions(site.store, "stage1-fold0", masks, info=info)
    site.build(site.store)
    snapshot = site.snapshot()
    changes = {}
    for case, fold in CASES.items():
        record = snapshot.manifest.get(case)
        if fold is not None:
            marked = CaseRecord(record.info, record.blocks, {"fold": fold, "split": "s"})
            changes[case] = Change(record, marked)
    log.commit(snapshot.bucket, changes, message="folds")
    return site


@pytest.fixture
def site(built: Site, tmp_path: Path) -> Site:
    """The site, with a folder of its own for models, still empty."""
    return replace(built, models=tmp_path / "models")


@pytest.fixture
def find_bright() -> Callable[[Any], None]:
    """Gives `train(..., change=)` a Stage 1 that finds what is bright."""
    return _find_bright

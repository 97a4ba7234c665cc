"""Training patches a second: the store against nnU-Net's own dataset, through nnU-Net's loader, in one run.

    python -m benchmarks.loader [--quick] [--variants] [--shape 96 256 320] [--patch 64 128 128] [--maps 10]

One process, one thread, no augmentation. Every reader gets the same seeds, so it loads the same patches, and
these are compared. nnU-Net's files hold the network's input ready made; from the store it is made on the way
(standardised, NaN to 0). Two kinds of samples: maps inside a region, as they are, and maps everywhere.
`--variants`: the store's samples in other chunks and codecs. The readers take turns, batch by batch; the
numbers are medians of processor time, which others on the machine disturb least.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from scipy.ndimage import gaussian_filter

import fusion.nnunet  # noqa: F401  (before nnunetv2)

# isort: split
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from benchmarks.measure import machine
from fusion.data.dataset import StoreDataset
from fusion.data.lazy import LazyArray, boxed
from fusion.data.network_input import NetworkInput
from fusion.data.shards import ZarrArray, open_array
from fusion.data.view import View
from fusion.inputs import Inputs
from fusion.recipe import Channel, Recipe
from fusion.samples.sample import Sample, class_locations
from radstore.canonical import digest_of
from radstore.images.volume import Geometry
from radstore.store import blocks, layout, log
from radstore.store.blocks import CODEC
from radstore.store.bucket import open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import open_store

PLAN, BATCH, CASES = "stage2-fold0", 2, ("a", "b")
# Channels in a chunk (0: all), its edges, Blosc's codec, level and filter.
VARIANTS: list[tuple[int, tuple[int, int, int], str, int, str]] = [
    (1, (32, 32, 32), "lz4", 5, "shuffle"),
    (1, (32, 32, 32), "lz4", 5, "noshuffle"),
    (1, (32, 32, 32), "lz4", 5, "bitshuffle"),
    (1, (32, 32, 32), "lz4", 1, "shuffle"),
    (1, (32, 32, 32), "lz4hc", 5, "shuffle"),
    (1, (32, 32, 32), "zstd", 1, "shuffle"),
    (1, (32, 32, 32), "zstd", 3, "shuffle"),
    (1, (32, 32, 32), "zstd", 3, "bitshuffle"),
    (1, (16, 16, 16), "lz4", 5, "shuffle"),
    (1, (16, 32, 64), "lz4", 5, "shuffle"),
    (1, (64, 64, 64), "lz4", 5, "shuffle"),
    (0, (16, 16, 16), "lz4", 5, "shuffle"),
    (0, (32, 32, 32), "lz4", 5, "shuffle"),
    (0, (32, 32, 32), "zstd", 3, "shuffle"),
    (0, (64, 64, 64), "lz4", 5, "shuffle"),
]


def recipe_of(maps: int, inputs: str = "ct+maps") -> Recipe:
    """As many maps, each with a mean and a standard deviation of its own."""
    channels = tuple(Channel(f"map{i}", float(i), 2.0 + i) for i in range(maps))
    return Recipe(stage=2, fold=0, inputs=Inputs(inputs), maps=channels)


def sample(seed: int, shape: tuple[int, ...], maps: int, everywhere: bool) -> Sample:
    """A smooth CT with noise, smooth maps in an ellipsoid (4 % of it) or everywhere, places of a label."""
    chance = np.random.default_rng(seed)
    data = np.empty((1 + maps, *shape), np.float32)
    for into, sigma in zip(data, [2.0] + [1.5] * maps, strict=True):
        noise = chance.standard_normal(shape, np.float32)
        into[...] = gaussian_filter(noise, sigma) * 5 + (0.3 * noise if sigma == 2.0 else 0)
    radii = [0.31, 0.16, 0.22]
    grids = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    region = sum((g / (2 * r)) ** 2 for g, r in zip(grids, radii, strict=True)) < 0.25
    if not everywhere:
        data[1:, ~region] = np.nan
    places = chance.permutation(np.argwhere(region))[:10_000]
    locations = np.column_stack([np.ones(len(places)), places]).astype(np.int32)
    names = ("CT", *(f"map{i}" for i in range(maps)))
    seg = region.astype(np.int8)[None]
    return Sample(data, names, region.astype(np.uint8), seg, locations, {}, Geometry(shape[::-1]))  # type: ignore[arg-type]


def keep(root: Path, made: dict[str, Sample], recipe: Recipe) -> StoreDataset:
    """The samples in a store, and nnU-Net's dataset over it."""
    bucket = open_bucket(root / "store")
    layout.create(bucket, CODEC)
    for case, its in made.items():
        block, key = its.to_block(), digest_of(case)
        entry = Entry(key, digest=blocks.publish(bucket, layout.object_folder(key), block))
        log.commit(bucket, {case: Change(None, CaseRecord({}, {f"training/{PLAN}": entry}))})
    return over(root, recipe)


def over(root: Path, recipe: Recipe) -> StoreDataset:
    """Another row over the same store."""
    folder = root / recipe.inputs.name
    View.of(open_store(root / "store"), PLAN, recipe).save(folder)
    return StoreDataset(str(folder))


def files(folder: Path, made: dict[str, Sample], recipe: Recipe, patch: tuple[int, ...]) -> Any:
    """The same samples as nnU-Net's preprocessing writes them, and nnU-Net's dataset over them."""
    folder.mkdir()
    for case, its in made.items():
        data = recipe.network_input(its.data, its.names, its.region)
        at, chunks = comp_blosc2_params(data.shape, patch)
        properties = {"class_locations": class_locations(its.locations, recipe.labels.values())}
        nnUNetDatasetBlosc2.save_case(
            data, its.seg, properties, str(folder / case), chunks, at, (1, *chunks[1:]), at
        )
    return nnUNetDatasetBlosc2(str(folder))


class Variant(StoreDataset):
    """The samples' data from other arrays."""

    def __init__(self, folder: str, arrays: dict[str, LazyArray], together: bool) -> None:
        super().__init__(folder)
        self._arrays, self._together = arrays, together

    def load_case(self, identifier: str) -> Any:
        _, *rest = super().load_case(identifier)
        found, data = self._located[identifier], self._arrays[identifier]
        made = AtOnce if self._together else NetworkInput
        return made(self.recipe, found.names, data, None), *rest


class AtOnce(NetworkInput):
    """All channels of a box decoded first, and then made into the network's input."""

    def __getitem__(self, key: Any) -> np.ndarray:
        box, taken = boxed(key, self.shape)
        names = list(self._places)
        return self._recipe.network_input(self._data[(slice(None), *box[1:])], names, None)[box[0]][taken]


def rewritten(
    root: Path, made: dict[str, Sample], dataset: StoreDataset, variant: tuple[Any, ...]
) -> tuple[Variant, float, float]:
    """The samples' data in other chunks and codecs; how many MB a case, and seconds a case of writing."""
    together, edges, codec, level, shuffle = variant
    folder = root / uuid.uuid4().hex  # a name of its own: who has mapped a file goes on with what it was
    begun = time.process_time()
    for case, its in made.items():
        chunks = (together or len(its.data), *edges)
        shards = tuple(-(-size // chunk) * chunk for size, chunk in zip(its.data.shape, chunks, strict=True))
        zarr.create_array(
            folder / case,
            shape=its.data.shape,
            dtype=its.data.dtype,
            chunks=chunks,
            shards=shards,
            compressors=zarr.codecs.BloscCodec(cname=codec, clevel=level, shuffle=shuffle),
            fill_value=np.nan,
        )[...] = its.data
    wrote = (time.process_time() - begun) / len(made)
    bucket = open_bucket(root)
    arrays = {case: open_array(bucket, f"{folder.name}/{case}") for case in made}
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Variant(dataset.source_folder, arrays, not together), size / len(made) / 1e6, wrote


def by_zarr(dataset: StoreDataset) -> Variant:
    """The very arrays of the store, read by zarr."""
    bucket = open_bucket(dataset.view.store)
    arrays: dict[str, LazyArray] = {}
    for case, found in dataset._located.items():
        array = f"{found.path}/data"
        described = zarr.open_array(bucket.zarr(), path=array, mode="r").metadata.to_dict()
        described |= {"data_type": "float32"}
        arrays[case] = ZarrArray(bucket, array, described, "to compare")
    return Variant(dataset.source_folder, arrays, True)


def timed(datasets: dict[str, Any], patch: tuple[int, ...], rounds: int) -> dict[str, list[float]]:
    """Reader → seconds of processor a patch, of each round; readers take turns, and must agree."""
    labels = LabelManager(dict(recipe_of(0).labels), None)
    loaders = {
        name: nnUNetDataLoader(dataset, BATCH, patch, patch, labels, oversample_foreground_percent=0.5)
        for name, dataset in datasets.items()
    }
    took: dict[str, list[float]] = {name: [] for name in loaders}
    for number in range(rounds + 1):  # the first one warms up
        first = None
        for name, loader in loaders.items():
            np.random.seed(number)
            begun = time.process_time()
            batch = next(loader)
            took[name].append((time.process_time() - begun) / BATCH)
            first = batch if first is None else first
            same = batch["data"].shape[1] != first["data"].shape[1] or bool(
                (batch["data"] == first["data"]).all()
            )
            if not same or not bool((batch["target"] == first["target"]).all()):
                raise SystemExit(f"{name} loads other patches than {next(iter(loaders))}")
    return {name: times[1:] for name, times in took.items()}


def tell(took: dict[str, list[float]], reference: str, more: dict[str, str] | None = None) -> None:
    """A line a reader: milliseconds a patch, patches a second, and the ratio to the reference."""
    base = statistics.median(took[reference])
    for name, times in took.items():
        middle = statistics.median(times)
        print(
            f"  {name:44} {middle * 1e3:7.1f} ms {min(times) * 1e3:7.1f} best {1 / middle:7.1f} /s "
            f"{base / middle:6.2f} ×  {(more or {}).get(name, '')}"
        )


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="benchmark-loader-") as folder:
        yield Path(folder)


def run(everywhere: bool, options: argparse.Namespace) -> None:
    """All readers on one kind of samples."""
    shape, patch = tuple(options.shape), tuple(options.patch)
    recipe, ct = recipe_of(options.maps), recipe_of(options.maps, "ct")
    made = {case: sample(seed, shape, options.maps, everywhere) for seed, case in enumerate(CASES)}
    with scratch() as root:
        ours = keep(root, made, recipe)
        theirs = files(root / "nnunet", made, recipe, patch)
        readers = {"nnU-Net's own files": theirs, "store": ours, "store, read by zarr": by_zarr(ours)}
        print(f"\n{1 + options.maps} channels, maps {'everywhere' if everywhere else 'inside the region'}:")
        tell(timed(readers, patch, options.rounds), "nnU-Net's own files")
        own = {
            "nnU-Net's own files, CT": files(root / "ct-files", made, ct, patch),
            "store, CT": over(root, ct),
        }
        tell(timed(own, patch, options.rounds), "nnU-Net's own files, CT")
        for variant in VARIANTS if options.variants else ():
            channels, edges, codec, level, shuffle = variant
            name = f"{channels or 'all'} × {'·'.join(map(str, edges))}, {codec} {level}, {shuffle}"
            reader, size, wrote = rewritten(root, made, ours, variant)
            took = timed({"nnU-Net's own files": theirs, name: reader}, patch, options.rounds)
            told = {name: took[name], "nnU-Net's own files": took["nnU-Net's own files"]}
            with contextlib.redirect_stdout(io.StringIO()) as line:
                tell(told, "nnU-Net's own files", {name: f"{size:6.0f} MB {wrote:5.1f} s"})
            print(line.getvalue().splitlines()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", nargs=3, type=int, default=(96, 256, 320), help="of a sample (z y x)")
    parser.add_argument("--patch", nargs=3, type=int, default=(64, 128, 128))
    parser.add_argument("--maps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=15, help=f"batches of {BATCH} patches")
    parser.add_argument(
        "--variants", action="store_true", help="the store's samples in other chunks and codecs"
    )
    parser.add_argument("--quick", action="store_true", help="small: says only that it runs")
    options = parser.parse_args()
    if options.quick:
        options.shape, options.patch, options.maps, options.rounds = (48, 64, 80), (24, 48, 48), 3, 3
    print({**machine(), "shape": tuple(options.shape), "patch": tuple(options.patch)})
    for everywhere in (False, True):
        run(everywhere, options)


if __name__ == "__main__":
    main()

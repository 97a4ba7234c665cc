"""Blocks: what goes in comes out, whole or not at all, and damage shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.errors import CorruptBlock, StoreError
from radstore.images.volume import Geometry
from radstore.store import blocks, layout
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket, open_bucket

FOLDER = layout.object_folder("ab" * 32)
OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


def a_block() -> Block:
    array = np.random.default_rng(0).normal(size=(3, 10, 20, 33)).astype(np.float32)
    array[:, ::2] = np.nan
    region = np.ones((10, 20, 33), np.uint8)
    geometry = Geometry((33, 20, 10), (0.7, 0.7, 2.5), (-10.5, 3.0, 1e-3), OBLIQUE)
    return Block("maps", {"maps": array, "region": region}, geometry, {"names": ["a", "b", "c"]}, {"x": 1})


def assert_same(one: Block, other: Block) -> None:
    assert (one.kind, one.geometry, one.content) == (other.kind, other.geometry, other.content)
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert array.dtype == other.arrays[name].dtype
        np.testing.assert_array_equal(array, other.arrays[name])


def test_round_trip(bucket: Bucket) -> None:
    block = a_block()
    digest = blocks.publish(bucket, FOLDER, block)
    assert digest == block.digest == blocks.find(bucket, FOLDER)
    loaded = blocks.load(bucket, FOLDER)
    assert_same(loaded, block)
    assert loaded.provenance == block.provenance
    blocks.verify(bucket, FOLDER, digest)


@pytest.mark.parametrize("kind", ["image", "region", "features", "maps"])
@pytest.mark.parametrize("dtype", ["u1", "i2", ">i2", "i4", "u2", "f4", "f8", "?"])
def test_every_kind_and_dtype(local: Bucket, kind: str, dtype: str) -> None:
    shape = {"features": (5,), "maps": (2, 3, 4, 5)}.get(kind, (3, 4, 5))
    array = (np.arange(np.prod(shape)).reshape(shape) - 20).astype(dtype)
    block = Block(kind, {kind: array}, None if kind == "features" else Geometry((5, 4, 3)))
    blocks.verify(local, FOLDER, blocks.publish(local, FOLDER, block))
    found = blocks.load(local, FOLDER).arrays[kind]
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    "shape", [(0,), (1,), (0, 3), (1500, 130), (1, 1, 1), (0, 4, 4), (33, 65, 1), (0, 4, 4, 4), (2, 0, 3, 3)]
)
def test_odd_shapes(local: Bucket, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape)
    block = Block("maps", {"maps": array}, Geometry((1, 1, 1)))
    blocks.verify(local, FOLDER, blocks.publish(local, FOLDER, block))
    np.testing.assert_array_equal(blocks.load(local, FOLDER).arrays["maps"], array)


def test_memory_order_does_not_matter(local: Bucket) -> None:
    array = np.random.default_rng(0).normal(size=(4, 5, 6))
    block = Block("image", {"image": np.asfortranarray(array)}, Geometry((6, 5, 4)))
    assert block.digest == Block("image", {"image": array}, Geometry((6, 5, 4))).digest
    blocks.verify(local, FOLDER, blocks.publish(local, FOLDER, block))


def test_special_values_survive(local: Bucket) -> None:
    array = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7976931348623157e308])
    blocks.publish(local, FOLDER, Block("features", {"features": array}))
    found = blocks.load(local, FOLDER).arrays["features"]
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("fill", [np.nan, 0.0])
def test_an_array_of_fill_values_is_written_too(local: Bucket, fill: float) -> None:
    array = np.full((40, 40, 40), fill, np.float32)
    blocks.publish(local, FOLDER, Block("maps", {"maps": array}, Geometry((40, 40, 40))))
    assert any("/maps/c/" in stat.path for stat in local.list(FOLDER))


unit = st.floats(-1, 1).map(lambda x: round(x, 12))
quaternions = st.tuples(unit, unit, unit, unit).filter(lambda q: sum(x * x for x in q) > 1e-3)
lengths = st.floats(1e-3, 50)
positions = st.floats(-1e4, 1e4)


def rotation(q: tuple[float, ...], flip: bool) -> tuple[float, ...]:
    w, x, y, z = np.array(q) / np.linalg.norm(q)
    matrix = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return tuple((matrix * (-1 if flip else 1)).ravel().tolist())


@settings(max_examples=40, deadline=None)
@given(
    quaternions,
    st.booleans(),
    st.tuples(lengths, lengths, lengths),
    st.tuples(positions, positions, positions),
)
def test_geometry_survives_to_the_last_bit(
    q: tuple[float, ...], flip: bool, spacing: tuple[float, float, float], origin: tuple[float, float, float]
) -> None:
    bucket = open_bucket("memory://")
    geometry = Geometry((2, 3, 1), spacing, origin, rotation(q, flip))
    blocks.publish(bucket, FOLDER, Block("region", {"region": np.ones((1, 3, 2), np.uint8)}, geometry))
    loaded = blocks.load(bucket, FOLDER)
    assert loaded.geometry == geometry
    blocks.verify(bucket, FOLDER, blocks.find(bucket, FOLDER) or "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_any_content_verifies_and_is_standard_json(content: dict[str, Any]) -> None:
    bucket = open_bucket("memory://")
    block = Block("features", {"features": np.zeros(2)}, None, content, content)
    blocks.verify(bucket, FOLDER, blocks.publish(bucket, FOLDER, block))

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads(bucket.read(f"{blocks.path_of(bucket, FOLDER)}/zarr.json"), parse_constant=refuse)


def test_what_is_in_the_digest() -> None:
    block = a_block()
    one, other = block.arrays["maps"].copy(), block.arrays["maps"].copy()
    one[0, 1, 1, 1] += 1
    other.view(np.uint32)[0, 0, 0, 0] ^= 1  # the payload of a NaN
    geometry = Geometry((33, 20, 10), (0.7, 0.7, 2.5))
    region = {"region": block.arrays["region"]}

    def digest(**changed: Any) -> str:
        return Block(**{**vars(block), **changed}).digest

    assert digest() == block.digest
    assert digest(provenance={"device": "another"}) == block.digest
    assert digest(arrays={"maps": other, **region}) == block.digest
    for change in (
        {"kind": "image"},
        {"geometry": geometry},
        {"geometry": None},
        {"content": {"names": ["a", "c", "b"]}},
        {"arrays": {"maps": one, **region}},
        {"arrays": {"maps": block.arrays["maps"].astype("f8"), **region}},
        {"arrays": {"maps": block.arrays["maps"].reshape(3, 20, 10, 33), **region}},
        {"arrays": {"maps": block.arrays["maps"]}},
    ):
        assert digest(**change) != block.digest


def test_the_first_block_of_a_key_stays(bucket: Bucket) -> None:
    first = Block("features", {"features": np.array([1.0])})
    second = Block("features", {"features": np.array([1.0 + 1e-12])})
    assert blocks.publish(bucket, FOLDER, first) == first.digest
    assert blocks.publish(bucket, FOLDER, second) == first.digest
    assert blocks.load(bucket, FOLDER).arrays["features"] == 1.0


def test_who_comes_second_while_writing_uses_the_first_one_s(
    local: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Block("features", {"features": np.array([1.0])})
    second = Block("features", {"features": np.array([2.0])})
    write_tree = type(local).write_tree

    def overtaken(self: Bucket, prefix: str, files: dict[str, bytes]) -> None:
        monkeypatch.undo()
        write_tree(self, prefix, files)
        blocks.publish(self, FOLDER, first)

    monkeypatch.setattr(type(local), "write_tree", overtaken)
    assert blocks.publish(local, FOLDER, second) == first.digest
    assert blocks.load(local, FOLDER).arrays["features"] == 1.0
    nonces = {stat.path.split("/")[3] for stat in local.list(FOLDER)} - {layout.POINTER}
    assert len(nonces) == 2  # the loser's copy is for gc


def test_nothing_is_visible_before_the_pointer(local: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut(self: Bucket, path: str, data: bytes) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(local), "create", power_cut)
        with pytest.raises(KeyboardInterrupt):
            blocks.publish(local, FOLDER, a_block())
    assert list(local.list(FOLDER))
    assert blocks.find(local, FOLDER) is None
    with pytest.raises(StoreError, match="is not there"):
        blocks.load(local, FOLDER)
    blocks.verify(local, FOLDER, blocks.publish(local, FOLDER, a_block()))


def test_plain_zarr_reads_a_block(local: Bucket, tmp_path: Path) -> None:
    block = a_block()
    blocks.publish(local, FOLDER, block)
    group = zarr.open_group(tmp_path / "store" / blocks.path_of(local, FOLDER), mode="r")
    maps = group["maps"]
    np.testing.assert_array_equal(maps[...], block.arrays["maps"])
    assert maps.metadata.dimension_names == ("feature", "z", "y", "x")
    assert maps.chunks == (3, 32, 32, 32)
    assert maps.shards == (3, 32, 32, 64)
    assert maps.metadata.zarr_format == 3
    assert np.isnan(maps.fill_value)
    own = group.attrs["radstore"]
    assert Geometry.from_json(own["geometry"]) == block.geometry
    assert own["geometry"]["frame"] == "LPS"
    assert (own["content"], own["provenance"], own["kind"]) == ({"names": ["a", "b", "c"]}, {"x": 1}, "maps")


@pytest.mark.parametrize("kind", ["image", "region"])
def test_images_are_ome_zarr(local: Bucket, tmp_path: Path, kind: str) -> None:
    geometry = Geometry((4, 3, 2), (0.5, 0.75, 3.0), (-1.0, -2.0, 30.0))
    blocks.publish(local, FOLDER, Block(kind, {kind: np.ones((2, 3, 4), np.int16)}, geometry))
    group = zarr.open_group(tmp_path / "store" / blocks.path_of(local, FOLDER), mode="r")
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    (scales,) = ome["multiscales"]
    assert [(axis["name"], axis["type"], axis["unit"]) for axis in scales["axes"]] == [
        (name, "space", "millimeter") for name in "zyx"
    ]
    (level,) = scales["datasets"]
    assert group[level["path"]].shape == (2, 3, 4)
    assert group[level["path"]].metadata.dimension_names == tuple(a["name"] for a in scales["axes"])
    scale, translation = level["coordinateTransformations"]
    assert scale == {"type": "scale", "scale": [3.0, 0.75, 0.5]}
    assert translation == {"type": "translation", "translation": [30.0, -2.0, -1.0]}


def test_reading_a_corner_reads_a_corner(local: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).normal(size=(2, 96, 96, 96)).astype(np.float32)
    blocks.publish(local, FOLDER, Block("maps", {"maps": array}, Geometry((96, 96, 96))))
    group = blocks.open_group(local, FOLDER)
    read = 0
    real = zarr.storage.LocalStore.get

    async def counting(self: Any, *args: Any, **keywords: Any) -> Any:
        nonlocal read
        found = await real(self, *args, **keywords)
        read += len(found) if found is not None else 0
        return found

    monkeypatch.setattr(zarr.storage.LocalStore, "get", counting)
    np.testing.assert_array_equal(group["maps"][:, :32, :32, :32], array[:, :32, :32, :32])
    assert 0 < read < array.nbytes / 20  # one chunk of 27, and the shard's index


@pytest.fixture
def damaged(local: Bucket, tmp_path: Path) -> tuple[str, Callable[[str], Path]]:
    """A published block's digest, and how to find one of its files."""
    digest = blocks.publish(local, FOLDER, a_block())
    folder = tmp_path / "store" / FOLDER

    def file(name: str) -> Path:
        return folder / name if name == layout.POINTER else next(folder.glob("*.zarr")) / name

    return digest, file


def test_every_flipped_byte_of_a_chunk_shows_or_changes_nothing(
    local: Bucket, damaged: tuple[str, Callable[[str], Path]]
) -> None:
    digest, file = damaged
    chunk = file("maps/c/0/0/0/0")
    whole, before = chunk.read_bytes(), blocks.load(local, FOLDER)
    rng = np.random.default_rng(0)
    caught = 0
    for at in rng.integers(0, len(whole), 80):
        chunk.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << int(rng.integers(8)))]) + whole[at + 1 :])
        try:
            blocks.verify(local, FOLDER, digest)
        except CorruptBlock:
            caught += 1
        else:  # a byte of the padding behind the edge
            assert_same(blocks.load(local, FOLDER), before)
    assert caught > 60


@pytest.mark.parametrize("keep", [0, 1, 100, -3])
@pytest.mark.parametrize(
    "name", ["zarr.json", "maps/zarr.json", "maps/c/0/0/0/0", "region/c/0/0/0", "block.json"]
)
def test_a_truncated_file_shows(
    local: Bucket, damaged: tuple[str, Callable[[str], Path]], name: str, keep: int
) -> None:
    digest, file = damaged
    file(name).write_bytes(file(name).read_bytes()[:keep])
    for read in (lambda: blocks.verify(local, FOLDER, digest), lambda: blocks.load(local, FOLDER)):
        with pytest.raises(CorruptBlock) as caught:
            read()
        assert FOLDER in caught.value.message
        assert caught.value.remedy


@pytest.mark.parametrize("name", ["zarr.json", "maps/zarr.json", "maps/c/0/0/0/0", "region/c/0/0/0"])
def test_a_missing_file_shows(local: Bucket, damaged: tuple[str, Callable[[str], Path]], name: str) -> None:
    digest, file = damaged
    file(name).unlink()
    with pytest.raises(CorruptBlock):
        blocks.verify(local, FOLDER, digest)


def test_a_missing_pointer_shows(local: Bucket, damaged: tuple[str, Callable[[str], Path]]) -> None:
    digest, file = damaged
    file(layout.POINTER).unlink()
    with pytest.raises(StoreError, match="is not there") as caught:
        blocks.verify(local, FOLDER, digest)
    assert "radstore build" in caught.value.remedy


def test_a_pointer_with_another_digest_shows(
    local: Bucket, damaged: tuple[str, Callable[[str], Path]]
) -> None:
    digest, file = damaged
    file(layout.POINTER).write_text(file(layout.POINTER).read_text().replace(digest, "0" * 64))
    with pytest.raises(CorruptBlock, match=r"block\.json"):
        blocks.verify(local, FOLDER, digest)


def test_a_lost_block_is_never_read_as_nan(local: Bucket, damaged: tuple[str, Callable[[str], Path]]) -> None:
    _, file = damaged
    file("maps/c/0/0/0/0").unlink()
    with pytest.raises(CorruptBlock, match="is missing"):
        blocks.load(local, FOLDER)

"""Boxes of memory-mapped shards: the same values as zarr's, damage told, and fit for other processes."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from fusion.data.lazy import LazyArray, boxed
from fusion.data.shards import OPEN, ShardArray, ZarrArray, _mapped, attributes, open_array
from radstore.errors import CorruptBlock
from radstore.store import blocks
from radstore.store.blocks import TRAINING, Block
from radstore.store.bucket import Bucket, open_bucket

SHAPE = (3, 40, 70, 33)


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    chance = np.random.default_rng(0)
    data = chance.normal(size=SHAPE).astype(np.float32)
    data[1:, :33] = np.nan  # whole chunks that are not stored, and parts of some that are
    data[2, 36, 40, 3] = 5
    return {
        "data": data,
        "region": (chance.random(SHAPE[1:]) < 0.5).astype(np.uint8),
        "seg": chance.integers(0, 7, (1, *SHAPE[1:])).astype(np.int8),
        "locations": chance.integers(0, 30, (50, 4)).astype(np.int32),
    }


@pytest.fixture(scope="module")
def publish(arrays: dict[str, np.ndarray]) -> Callable[..., str]:
    def do(bucket: Bucket, **content: Any) -> str:
        blocks.publish(bucket, "block", Block(TRAINING, arrays, None, {"names": ["CT", "a", "b"], **content}))
        return blocks.path_of(bucket, "block")

    return do


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Bucket:
    return open_bucket(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def opened(bucket: Bucket, publish: Callable[..., str]) -> Callable[[str], LazyArray]:
    path = publish(bucket)
    return lambda name: open_array(bucket, f"{path}/{name}")


@pytest.fixture
def own(tmp_path: Path, publish: Callable[..., str]) -> tuple[Bucket, str, Path]:
    """A block that a test may damage: its bucket, its path, and the file of its data."""
    bucket = open_bucket(tmp_path / "store")
    path = publish(bucket)
    return bucket, path, Path(bucket.location) / path / "data/c/0/0/0/0"


@pytest.mark.parametrize("name", ["data", "region", "seg", "locations"])
def test_whole_arrays(name: str, opened: Callable[[str], LazyArray], arrays: dict[str, np.ndarray]) -> None:
    lazy = opened(name)
    assert isinstance(lazy, ShardArray)
    assert (lazy.shape, lazy.ndim, lazy.dtype) == (arrays[name].shape, arrays[name].ndim, arrays[name].dtype)
    np.testing.assert_array_equal(np.asarray(lazy), arrays[name])


def test_what_is_undefined_is_not_stored(opened: Callable[[str], LazyArray]) -> None:
    lazy = opened("data")
    stored = [where for where, _ in lazy.pieces(tuple(slice(0, size) for size in SHAPE))]
    ct = 2 * 3 * 2
    assert len(stored) == ct + 2 * ct // 2  # of the maps only the chunks behind z = 32


def _slices(size: int) -> st.SearchStrategy[slice]:
    ends = st.one_of(st.none(), st.integers(-size - 2, size + 2))
    return st.builds(slice, ends, ends)


INDICES = st.tuples(*(st.one_of(_slices(size), st.integers(-size, size - 1)) for size in SHAPE))


@given(INDICES, st.integers(0, 4), st.booleans())
def test_any_box_is_numpys(
    opened: Callable[[str], LazyArray],
    arrays: dict[str, np.ndarray],
    index: tuple[Any, ...],
    length: int,
    ellipsis: bool,
) -> None:
    key = (*index[:length], Ellipsis) if ellipsis else index[:length]
    got, meant = opened("data")[key], arrays["data"][key]
    assert got.shape == meant.shape
    np.testing.assert_array_equal(got, meant)


@given(INDICES)
def test_boxes_hold_what_is_asked_for(index: tuple[Any, ...]) -> None:
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    box, taken = boxed(index, SHAPE)
    np.testing.assert_array_equal(array[box][taken], array[index])


@pytest.mark.parametrize(
    "key", [(slice(None, None, 2),), (0, 0, 0, 0, 0), (3,), (-4,), (..., ...), slice(None, None, -1)]
)
def test_other_indices_are_refused(key: Any, opened: Callable[[str], LazyArray]) -> None:
    with pytest.raises(IndexError, match=r"shape|step"):
        opened("data")[key]


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # Python 3.12's, of any fork
def test_other_processes_read_the_same(
    method: str, opened: Callable[[str], LazyArray], arrays: dict[str, np.ndarray]
) -> None:
    lazy = opened("data")
    np.testing.assert_array_equal(lazy[0], arrays["data"][0])  # it is mapped here already
    with multiprocessing.get_context(method).Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(np.asarray, (lazy,)), arrays["data"])


def test_no_handle_is_shipped(opened: Callable[[str], LazyArray]) -> None:
    assert len(pickle.dumps(opened("data"))) < 1000


def test_few_files_stay_open(tmp_path: Path) -> None:
    bucket = open_bucket(tmp_path)
    _mapped.cache_clear()
    blocks.publish(bucket, "block", Block(TRAINING, {"locations": np.full((1, 4), 7, np.int32)}))
    array = blocks.path_of(bucket, "block").removeprefix("block") + "/locations"
    for number in range(OPEN + 5):
        shutil.copytree(tmp_path / "block", tmp_path / f"block{number}")
        assert open_array(bucket, f"block{number}{array}")[0, 0] == 7
    assert _mapped.cache_info().currsize == OPEN


class TestDamage:
    """What is damaged is told, with the file and the chunk."""

    def _first_chunk(self, own: tuple[Bucket, str, Path]) -> int:
        bucket, path, _ = own
        _mapped.cache_clear()
        lazy = open_array(bucket, f"{path}/data")
        assert isinstance(lazy, ShardArray)
        _, index = _mapped(lazy.path, lazy.layout.grid, lazy.layout.sharded)
        start = int(index[0, 0, 0, 0, 0])
        _mapped.cache_clear()
        return start

    def _read(self, own: tuple[Bucket, str, Path]) -> np.ndarray:
        return open_array(own[0], f"{own[1]}/data")[:]

    def _overwrite(self, file: Path, at: int, what: bytes) -> None:
        raw = bytearray(file.read_bytes())
        at %= len(raw)
        raw[at : at + len(what)] = what
        file.write_bytes(raw)

    @pytest.mark.parametrize("at", [-1, -30])
    def test_index(self, own: tuple[Bucket, str, Path], at: int) -> None:
        self._overwrite(own[2], at, bytes([own[2].read_bytes()[at] ^ 1]))
        with pytest.raises(CorruptBlock, match=r"data/c/0/0/0/0: the index is damaged"):
            self._read(own)

    @pytest.mark.parametrize(
        ("offset", "what"),
        [
            (4, b"\x01\x02\x03\x04"),
            (12, b"\xff\xff\xff\x7f"),
            (16, b"\xff" * 64),
            (16, b"\xff\xff\xff\x3f"),  # its first block a gigabyte away
        ],
    )
    def test_chunk(self, own: tuple[Bucket, str, Path], offset: int, what: bytes) -> None:
        self._overwrite(own[2], self._first_chunk(own) + offset, what)
        with pytest.raises(CorruptBlock, match=r"data/c/0/0/0/0: chunk \(0, 0, 0, 0\) is damaged") as told:
            self._read(own)
        assert "radstore build" in told.value.remedy

    @pytest.mark.parametrize("left", [0, 2, 1000])
    def test_cut_off(self, own: tuple[Bucket, str, Path], left: int) -> None:
        own[2].write_bytes(own[2].read_bytes()[:left])
        with pytest.raises(CorruptBlock):
            self._read(own)

    def test_missing_file(self, own: tuple[Bucket, str, Path]) -> None:
        own[2].unlink()
        with pytest.raises(CorruptBlock, match="cannot be read"):
            self._read(own)

    @pytest.mark.parametrize("content", [None, "{"])
    def test_metadata(self, own: tuple[Bucket, str, Path], content: str | None) -> None:
        file = Path(own[0].location) / own[1] / "data/zarr.json"
        file.write_text(content) if content else file.unlink()
        with pytest.raises(CorruptBlock, match=r"zarr\.json"):
            self._read(own)


class TestZarr:
    """What cannot be mapped is read by zarr, which is said."""

    def test_object_store(self, publish: Callable[..., str], arrays: dict[str, np.ndarray]) -> None:
        bucket = open_bucket("memory://")
        lazy = open_array(bucket, f"{publish(bucket)}/data")
        assert isinstance(lazy, ZarrArray)
        assert "not on a local disk" in lazy.reason
        np.testing.assert_array_equal(lazy[:, 30:, 5:50, 3], arrays["data"][:, 30:, 5:50, 3])
        assert lazy[:, 5:5].shape == (3, 0, 70, 33)

    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"chunks": (2, 2)}, "more than one file"),
            ({"chunks": (4, 4), "compressors": None}, "its codecs"),
            ({"chunks": (4, 4), "compressors": zarr.codecs.ZstdCodec()}, "its codecs"),
            ({"chunks": (2, 2), "shards": {"shape": (4, 4), "index_location": "start"}}, "index"),
        ],
    )
    def test_other_layouts(self, tmp_path: Path, settings: dict[str, Any], reason: str) -> None:
        values = np.arange(16.0).reshape(4, 4)
        zarr.create_array(tmp_path / "array", shape=(4, 4), dtype=float, **settings)[...] = values
        lazy = open_array(open_bucket(tmp_path), "array")
        assert reason in lazy.reason
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(lazy))[1:, 2], values[1:, 2])


def test_attributes_are_the_blocks(own: tuple[Bucket, str, Path]) -> None:
    bucket, path, _ = own
    assert attributes(bucket, path) == blocks.attributes(bucket, "block")

from __future__ import annotations

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest

from radstore.build.job import Inputs
from radstore.build.parcel import Parcel
from radstore.images.volume import Geometry, Volume

GEOMETRY = Geometry((20, 30, 40), (0.7, 0.8, 2.5), (1.0, 2.0, 3.0))
INPUTS = Inputs("of the image", "of the mask")


def parcel(margin: tuple[int, int, int] | None = None) -> Parcel:
    image = np.random.default_rng(0).integers(-1000, 1000, GEOMETRY.shape).astype(np.int16)
    mask = np.zeros(GEOMETRY.shape, np.uint8)
    mask[10:14, 5:9, 0:3] = 1
    mask[12, 7, 1] = 0
    return Parcel(Volume(image, GEOMETRY, "ct.nii.gz"), Volume(mask, GEOMETRY, "m.nii.gz"), INPUTS, margin)


def sent(one: Parcel) -> tuple[Parcel, int]:
    """What arrives, and how many bytes travelled."""
    data = pickle.dumps(one, protocol=5)
    return pickle.loads(data), len(data)


def test_a_whole_image_arrives_as_it_was() -> None:
    before = parcel()
    after, size = sent(before)
    np.testing.assert_array_equal(after.image.array, before.image.array)
    np.testing.assert_array_equal(after.mask.array, before.mask.array)
    assert (after.image.geometry, after.image.source) == (GEOMETRY, "ct.nii.gz")
    assert (after.image.array.dtype, after.mask.array.dtype) == (np.int16, np.uint8)
    assert (after.inputs, after.margin) == (INPUTS, None)
    assert size < before.image.array.nbytes + 2000  # of the mask only its box


def test_with_a_margin_only_what_is_read_travels() -> None:
    before = parcel((2, 100, 1))
    after, size = sent(before)
    read = (slice(8, 16), slice(0, 30), slice(0, 4))
    np.testing.assert_array_equal(after.image.array[read], before.image.array[read])
    np.testing.assert_array_equal(after.mask.array, before.mask.array)
    assert after.image.array.shape == GEOMETRY.shape
    outside = after.image.array.copy()
    outside[read] = 0
    assert not outside.any()
    assert size < 8 * 30 * 4 * 2 + 2000


def test_what_arrived_travels_on() -> None:
    after, _ = sent(sent(parcel((1, 1, 1)))[0])
    np.testing.assert_array_equal(after.mask.array, parcel().mask.array)


def test_dask_is_told_its_size() -> None:
    assert sys.getsizeof(parcel()) >= 3 * 20 * 30 * 40


def test_an_empty_mask_is_nobodys_problem_here() -> None:
    empty = replace(parcel((1, 1, 1)), mask=Volume(np.zeros(GEOMETRY.shape, np.uint8), GEOMETRY))
    assert not sent(empty)[0].mask.array.any()


@pytest.mark.parametrize("margin", [None, (6, 6, 6)])
def test_a_case_computed_elsewhere_is_the_same(
    offline, monkeypatch: pytest.MonkeyPatch, margin: tuple[int, int, int] | None
) -> None:
    """Reading, computing and writing in three processes, as pickles make them, or in one."""
    from radstore.build.job import Job
    from radstore.build.work import compute, read, work, write
    from radstore.store import layout
    from radstore.store.blocks import CODEC

    monkeypatch.setattr(Job, "margin", lambda *_: margin)
    offline.add("a")
    layout.create(offline.bucket, CODEC)
    (case,) = offline.catalog.cases()
    there = pickle.loads(pickle.dumps(read(offline.job(), case, None)))
    back = pickle.loads(pickle.dumps(compute(there)))
    assert back.parcel is None
    assert there.parcel is not None  # a task that is repeated finds it again
    apart = write(back)
    assert apart.error is None
    (offline.root / "store").rename(offline.root / "apart")
    layout.create(offline.bucket, CODEC)
    together = work(offline.job(), case, None)
    assert apart.record == together.record
    assert (apart.computed, apart.digests) == (together.computed, together.digests)

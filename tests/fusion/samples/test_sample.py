"""A sample goes through the store as it is."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from fusion.recipe import Recipe
from fusion.samples import Sample, make_sample
from radstore.store import blocks, layout
from radstore.store.bucket import open_bucket

FOLDER = layout.object_folder("ab" * 32)


def test_round_trip(tmp_path: Path, tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    recipe = Recipe(stage=2, fold=0, spec_hash="c" * 64)
    plans = tiny.plans((2.0, 0.7, 0.7), (1, 0, 2), recipe)
    made = make_sample(ct, plans, region=tiny.region(ct), maps=tiny.maps(ct), labels=tiny.labels(ct))
    bucket = open_bucket(tmp_path)
    block = made.to_block({"plan": "stage2-fold0"})
    digest = blocks.publish(bucket, FOLDER, block)
    blocks.verify(bucket, FOLDER, digest)
    loaded = blocks.load(bucket, FOLDER)
    assert dict(loaded.provenance) == {"plan": "stage2-fold0"}
    back = Sample.from_block(loaded)
    for name in ("data", "region", "seg", "locations"):
        one, other = getattr(made, name), getattr(back, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    for name in ("names", "properties", "geometry", "region_box"):
        assert getattr(made, name) == getattr(back, name), name
    assert json.loads(json.dumps(made.properties)) == made.properties


def test_a_sample_of_stage_1_has_no_region(tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    block = make_sample(ct, tiny.plans((9.0, 4.5, 4.5))).to_block()
    assert set(block.arrays) == {"data"}
    back = Sample.from_block(block)
    assert (back.region, back.seg, back.locations, back.region_box) == (None, None, None, None)


def test_arrays_say_what_their_axes_are(tmp_path: Path, tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    made = make_sample(ct, tiny.plans((2.5, 0.9, 0.8)), labels=tiny.labels(ct))
    bucket = open_bucket(tmp_path)
    blocks.publish(bucket, FOLDER, made.to_block())
    group = blocks.open_group(bucket, FOLDER)
    dimensions = {name: group[name].metadata.dimension_names for name in ("data", "seg", "locations")}
    assert dimensions["data"] == dimensions["seg"] == ("channel", "z", "y", "x")
    assert dimensions["locations"] == ("sample", "label_zyx")

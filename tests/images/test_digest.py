from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np

from radstore.images import Volume
from radstore.images.digest import volume_digest
from radstore.images.read import read_image
from radstore.images.write import write_volume


def test_same_voxels_same_digest_however_packed(ct: Volume, tmp_path: Path) -> None:
    plain = write_volume(ct, tmp_path / "a.nii")
    digest = volume_digest(read_image(plain))
    for level in (1, 9):
        again = tmp_path / f"other_{level}.nii.gz"
        again.write_bytes(gzip.compress(plain.read_bytes(), level, mtime=level))
        assert volume_digest(read_image(again)) == digest


def test_what_changes_it(ct: Volume) -> None:
    digest = volume_digest(ct)
    one = ct.array.copy()
    one[0, 0, 0] += 1
    moved = replace(ct.geometry, origin=(0.0, 0.0, 0.0))
    others = [
        Volume(one, ct.geometry),
        Volume(ct.array.astype(np.float32), ct.geometry),
        Volume(ct.array, moved),
    ]
    assert len({digest, *map(volume_digest, others)}) == 4
    assert volume_digest(replace(ct, source="elsewhere")) == digest

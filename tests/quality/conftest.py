"""Small cases of the kind that the published list fails on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radstore.catalog import Case
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume

GRID = Geometry((24, 22, 12), (1.0, 1.0, 2.0))


@pytest.fixture(scope="session")
def tissue(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Six cases of smooth noise, each with a ball of its own size."""
    folder = tmp_path_factory.mktemp("tissue")
    return [_case(folder, at) for at in range(6)]


def _case(folder: Path, at: int) -> Case:
    random = np.random.default_rng(at)
    field = gaussian_filter(random.standard_normal(GRID.shape), 0.6 + 0.1 * at)
    z, y, x = np.indices(GRID.shape)
    apart = ((x - 12) * 1.0) ** 2 + ((y - 11) * 1.0) ** 2 + ((z - 6) * 2.0) ** 2
    image, mask = folder / f"{at}.nii.gz", folder / f"{at}_mask.nii.gz"
    write_volume(Volume((60 * field / field.std()).astype(np.int16), GRID), image)
    write_volume(Volume((apart < (6 + 0.5 * at) ** 2).astype(np.uint8), GRID), mask)
    return Case(f"case{at}", f"p{at}", "tissue", image, (("labels", mask),), {"ball": (1,)})

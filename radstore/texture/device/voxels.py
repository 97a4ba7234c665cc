"""The families without directions: zones, dependence, tone difference, first order."""

from __future__ import annotations

from typing import Any

import numpy as np

from radstore.images.arrays import Array
from radstore.texture.device.launch import Call, columns
from radstore.texture.device.placement import Part
from radstore.texture.device.region import Region
from radstore.texture.device.windows import run_windows


def glszm(**common: Any) -> Array:
    """Grey level size zones."""
    import cupy

    call = Call.of("glszm", common)
    K = call.levels
    tabled = max(4, min(36, 4096 // K))  # zones up to this size are counted in a table
    if not call.region:
        padded = call.patch[0].bytes // 2
        parts = [
            *call.patch,
            Part("parent", 4 * padded),
            Part("by_level", 4 * K),
            Part("by_size", 4 * tabled),
            Part("table", 4 * K * tabled),
            Part("large", 8 * (call.places // (tabled + 1) + 1)),
        ]
        return run_windows(call, "glszm_windows", parts, (np.int32(tabled),))
    region = Region.of(call)
    job = region.job()
    parent = cupy.empty(region.patch.size, np.int32)
    region.spread(call.kernel("glszm_begin"), (region.voxels, parent))
    region.spread(call.kernel("glszm_merge"), (job, region.voxels, parent))
    for step in ("glszm_flatten", "glszm_mark_roots", "glszm_measure"):
        region.spread(call.kernel(step), (region.voxels, parent))
    zones, sizes = cupy.empty(len(region.list), np.uint64), cupy.empty(len(region.list), np.uint32)
    region.spread(call.kernel("glszm_list"), (region.voxels, parent, zones, sizes))
    row = call.row()
    parts = [Part("", 0), Part("", 0), Part("", 0), Part("by_level", 4 * K)]
    arguments = (np.int32(len(zones)), cupy.sort(zones), cupy.sort(sizes))
    region.describe("glszm_region", parts, arguments, row)
    return columns(call, row)


def gldm(*, alpha: int, **common: Any) -> Array:
    """Grey level dependence."""
    import cupy

    call = Call.of("gldm", common)
    cells = call.levels * call.columns
    parts = [
        *call.patch,
        Part("by_level", 4 * call.levels),
        Part("by_size", 4 * call.columns),
        Part("matrix", 0 if call.region else 4 * cells),
    ]
    if not call.region:
        return run_windows(call, "gldm_windows", parts, (np.int32(alpha),), source="neighbours")
    region = Region.of(call)
    job = region.job()
    matrix, row = cupy.zeros(cells, np.uint32), call.row()
    region.spread(call.kernel("gldm_count", "neighbours"), (job, np.int32(alpha), region.voxels, matrix))
    region.describe("gldm_region", parts, (matrix,), row, source="neighbours")
    return columns(call, row)


def ngtdm(**common: Any) -> Array:
    """Neighbouring grey tone difference."""
    import cupy

    call = Call.of("ngtdm", common)
    K, cells = call.levels, call.levels * call.columns
    wide = call.region or call.highest * call.columns * call.places >= 1 << 32
    parts = [
        *call.patch,
        Part("present", 4 * K),
        Part("n", 8 * K),
        Part("s", 8 * K),
        Part("counts", 0 if call.region else 4 * K),
        Part("away", 0 if call.region else (8 if wide else 4) * cells),
    ]
    if not call.region:
        name = "ngtdm_windows_wide" if wide else "ngtdm_windows"
        return run_windows(call, name, parts, source="neighbours")
    region = Region.of(call)
    job = region.job()
    counts, away, row = cupy.zeros(K, np.uint32), cupy.zeros(cells, np.uint64), call.row()
    region.spread(call.kernel("ngtdm_count", "neighbours"), (job, region.voxels, counts, away))
    region.describe(
        "ngtdm_region", parts, (np.int32(len(region.list)), counts, away), row, source="neighbours"
    )
    return columns(call, row)


def firstorder(*, image: Array, shift: float, voxel_volume: float, **common: Any) -> Array:
    """First order statistics; image: float64 on the grid."""
    import cupy

    call = Call.of("firstorder", common)
    numbers = (np.float64(shift), np.float64(voxel_volume))
    parts = [Part("by_level", 4 * call.levels), Part("values", 0 if call.region else 8 * call.places)]
    if not call.region:
        return run_windows(call, "firstorder_windows", parts, (image, *numbers))
    region = Region.of(call)
    values, places = (call.level.places.values(array) for array in (image, call.level.array))
    ordered = cupy.sort(values) if call.needs("ORDER") else None
    row = call.row()
    region.describe(
        "firstorder_region", parts, (values, places, ordered, np.int32(len(values)), *numbers), row
    )
    return columns(call, row)

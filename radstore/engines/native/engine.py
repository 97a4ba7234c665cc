"""The engines `cpu` and `cuda`: the same walk, where NumPy's or CuPy's arrays live."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from radstore.engines.base import Maps, Vector
from radstore.engines.native.memory import estimate
from radstore.engines.native.place import Card, Host, Place
from radstore.engines.native.plan import Plan, margin_of, plan_of
from radstore.engines.native.prepare import Prepared, prepare, seen_spacing
from radstore.engines.native.versions import FAMILY, version
from radstore.engines.native.walk import Row, walk
from radstore.engines.refusals import refusal
from radstore.engines.results import Results
from radstore.graph import Graph
from radstore.images.arrays import array_module, to_host
from radstore.images.box import first_and_size
from radstore.images.volume import Geometry, Volume


class Cpu:
    """Our own numbers on the processor."""

    name = "cpu"
    family = FAMILY

    def __init__(self) -> None:
        self.place: Place = Host()
        self.device = self.place.device
        self._last: tuple[Graph, Plan] | None = None

    def version(self, op: str) -> str:
        """``native/<op>/<version>``, the same on every device."""
        return version(op)

    def refusals(self, graph: Graph) -> dict[str, str]:
        """Feature name → why it cannot be computed."""
        return {feature.name: why for feature in graph if (why := refusal(feature))}

    def memory(self, graph: Graph, image: Geometry) -> int:
        """Upper estimate of the bytes one case takes; see `radstore.engines.native.memory`."""
        return estimate(graph, image)

    def margin(self, graph: Graph, image: Geometry) -> tuple[int, int, int] | None:
        """Voxels (z, y, x) around the mask's box beyond which no voxel changes a number; None: all may."""
        return margin_of(self._plan(graph), graph, image)

    def vector(self, image: Volume, mask: Volume, graph: Graph) -> Vector:
        """The global features of one case.

        Raises
        ------
        RegionError
            If the region cannot be used.
        """
        _, results = self._walked(image, mask, graph)
        values = _numbers(results.values)
        found = {name: values.get(name, np.nan) for name in graph.names}
        return Vector(found, results.failures, notes=results.notes)

    def maps(self, image: Volume, mask: Volume, graph: Graph) -> Maps:
        """The parametric maps of one case; raises as `vector` does."""
        return _maps(*self._walked(image, mask, graph), graph)

    def _walked(self, image: Volume, mask: Volume, graph: Graph) -> tuple[Prepared, Results]:
        plan = self._plan(graph)
        reads = plan.reads(seen_spacing(image, mask, graph))
        ready = prepare(image, mask, graph, self.place.put, reads, largest=plan.asks_largest)
        return ready, walk(ready, plan, self.place)

    def _plan(self, graph: Graph) -> Plan:
        """The graph's plan; made anew only when another graph comes than last time."""
        if self._last is None or self._last[0] is not graph:
            self._last = graph, plan_of(graph)
        return self._last[1]


class Cuda(Cpu):
    """The same numbers on the current CUDA device, through CuPy.

    What does not fit on the device is computed on the processor: a warning says so, and the result's
    ``device`` records it.

    Raises
    ------
    EngineError
        If CuPy is not installed, or finds no driver or no device.
    """

    name = "cuda"

    def __init__(self) -> None:
        super().__init__()
        self.place = Card()
        self.device = self.place.device

    def vector(self, image: Volume, mask: Volume, graph: Graph) -> Vector:
        """The global features of one case; raises as `Cpu.vector` does."""
        try:
            return super().vector(image, mask, graph)
        except self.place.OutOfMemory as error:
            told = error.args
        # only here: as long as the error is handled, its frames keep their arrays on the device
        host = self._on_the_processor(image, told)
        return replace(host.vector(image, mask, graph), device=host.device)

    def maps(self, image: Volume, mask: Volume, graph: Graph) -> Maps:
        """The parametric maps of one case; raises as `vector` does."""
        try:
            return super().maps(image, mask, graph)
        except self.place.OutOfMemory as error:
            told = error.args
        host = self._on_the_processor(image, told)  # only here: see `vector`
        return replace(host.maps(image, mask, graph), device=host.device)

    def _on_the_processor(self, image: Volume, told: tuple[object, ...]) -> Cpu:
        """The engine to go on with; says so."""
        self.place.release()
        why = " ".join(" ".join(map(str, told)).split())
        warnings.warn(
            f"{image.source or 'a case'} does not fit on {self.device} ({why}): computed on the processor",
            RuntimeWarning,
            stacklevel=3,
        )
        return Cpu()


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Numbers, and rows of one number, all of the latter fetched at once."""
    tables = _tables(values)
    ends = np.cumsum([0, *(len(table) for table in tables)])
    start = {id(table): int(end) for table, end in zip(tables, ends, strict=False)}
    column = to_host(array_module(tables[0]).concatenate(tables))[:, 0].tolist() if tables else []
    return {
        name: column[start[id(value.table)] + value.row] if isinstance(value, Row) else value
        for name, value in values.items()
    }


def _tables(values: Mapping[str, Any]) -> list[Any]:
    """The tables that some values are rows of, each once."""
    return list(
        {id(value.table): value.table for value in values.values() if isinstance(value, Row)}.values()
    )


def _maps(ready: Prepared, results: Results, graph: Graph) -> Maps:
    """Put the voxels' values on the grid of the region's box, on the host: only they come from a device."""
    region = to_host(ready.mask[ready.box])
    array = np.full((len(graph.features), *region.shape), np.nan, np.float32)
    at = np.flatnonzero(region)
    fetched = {id(table): to_host(table) for table in _tables(results.values)}
    for row, name in zip(array.reshape(len(array), -1), graph.names, strict=True):
        if name in results.values:
            table, place = results.values[name]
            row[at] = fetched[id(table)][place]
    first, size = first_and_size(ready.box)
    x, y, z = (int(n) for n in first + ready.offset)
    dx, dy, dz = (int(n) for n in size)
    geometry = ready.grid.crop((x, y, z), (dx, dy, dz))
    return Maps(
        graph.names,
        array,
        region.astype(np.uint8),
        geometry,
        ready.grid,
        results.failures,
        notes=results.notes,
    )

"""How many grey levels a feature is computed from, asked of the engine itself.

Every discretisation of the spec gets a probe: Uniformity of first order, Σ p², which is computed on the very
levels that the texture classes of the same image use. It is 1 if and only if there is one level, and 1 / Σ p²
is the effective number of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from radstore.graph import Graph, Node, resolve
from radstore.spec import Spec

PROBE = "firstorder", "Uniformity"


def probed(spec: Spec) -> tuple[Graph, dict[str, str]]:
    """The spec's graph for whole regions with probes added, and feature → its probe.

    Features that need no grey levels (most of first order, all of shape) have none.
    """
    binned = {feature.name for feature in spec.graph("roi") if _is_binned(feature.node)}
    columns = {column.name: column for column in spec.columns}
    probes = {}
    for column in spec.columns:
        if column.name in binned:
            image = column.name.removesuffix(f"_{column.family}_{column.feature}")
            name = "_".join((image, *PROBE))
            probes[column.name] = name
            columns.setdefault(name, replace(column, name=name, family=PROBE[0], feature=PROBE[1]))
    return resolve(list(columns.values()), spec.settings, "roi"), probes


def effective(uniformity: np.ndarray) -> np.ndarray:
    """The effective number of grey levels: 1 if and only if there is one; NaN where the probe is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        count: np.ndarray = 1 / uniformity
    return np.where(np.isfinite(uniformity) & (uniformity > 0), count, np.nan)


def _is_binned(node: Node) -> bool:
    return node.op == "discretise" or any(_is_binned(above) for above in node.inputs)

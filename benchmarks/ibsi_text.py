"""The tables of docs/ibsi.md, from what `benchmarks.ibsi` has computed; the words stand in ibsi_page.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.ibsi_values import Response, Value

PAGE = Path(__file__).with_name("ibsi_page.md")

WHY: Mapping[str, str] = {
    "1_a_1": "PyRadiomics has no mean filter, and neither has radstore",
    "1_a_4": "PyRadiomics has no mean filter, and neither has radstore",
    "2_b": "ITK's response is multiplied by σ² and per mm²: divided by (σ in voxels)² it differs by "
    "{scaled:.2g}, for its recursive Gaussian and its other boundary, and agrees too",
    "5_a_1": "an impulse in the middle: no boundary, level 1, so PyRadiomics' transform is IBSI's",
    "7_a_1": "PyRadiomics' second level has no holes, its boundary is periodic, and it has no rotations",
}

ORDER = ("3D_comb", "3D_avg", "2_5D_comb", "2_5D_avg", "3D", "2_5D", "")


def page(
    phantom: Sequence[Value], validation: Sequence[Value], responses: Sequence[Response], scaled: float
) -> str:
    """The whole of docs/ibsi.md."""
    own = [value for value in phantom if value.feature]
    families = dict.fromkeys(value.family for value in own)
    cells = [f"### {family}\n\n{_cells([v for v in own if v.family == family])}" for family in families]
    return PAGE.read_text(encoding="utf-8").format(
        phantom_counts=_phantom_counts(phantom),
        phantom="\n\n".join(cells),
        missing=_missing(phantom),
        validation_counts=_validation_counts(validation),
        validation=_disagreeing(validation),
        responses=_responses(responses, scaled),
    )


def _phantom_counts(values: Sequence[Value]) -> str:
    rows = []
    for family, aggregation in dict.fromkeys((v.family, v.aggregation) for v in values):
        some = [v for v in values if (v.family, v.aggregation) == (family, aggregation)]
        own = [v for v in some if v.feature]
        if own:
            counts = (len(some), len(own), _count(own, "pyradiomics"), _count(own, "ibsi"))
            rows.append((family, _shown(aggregation), *map(str, counts)))
    own = [v for v in values if v.feature]
    rows.append(("all", "", str(len(values)), str(len(own)), _count(own, "pyradiomics"), _count(own, "ibsi")))
    head = ("family", "aggregation", "consensus values", "in radstore", "agree: PyRadiomics", "agree: ibsi")
    return _table(head, rows)


def _validation_counts(values: Sequence[Value]) -> str:
    rows = []
    for family in dict.fromkeys(v.family for v in values):
        for case in dict.fromkeys(v.case for v in values):
            some = [v for v in values if (v.family, v.case) == (family, case)]
            rows.append((family, case, *_counts(some)))
    rows.append(("all", "", *_counts(values)))
    head = ("family", "case", "values", "PyRadiomics", "on IBSI's resampling", "`ibsi: true`")
    return _table(head, rows)


def _counts(values: Sequence[Value]) -> tuple[str, ...]:
    return str(len(values)), *(_count(values, which) for which in ("pyradiomics", "between", "ibsi"))


def _cells(values: Sequence[Value]) -> str:
    """One row a feature, one column an aggregation."""
    columns = [a for a in ORDER if any(v.aggregation == a for v in values)]
    rows = []
    for code in dict.fromkeys(v.code for v in values):
        by = {v.aggregation: v for v in values if v.code == code}
        first = next(iter(by.values()))
        cells = (_cell(by[a]) if a in by else "" for a in columns)
        rows.append((f"{first.name} ({code})", f"`{first.feature}`", *cells))
    return _table(("IBSI", "radstore", *map(_shown, columns)), rows)


def _cell(value: Value) -> str:
    ours = "" if value.agrees(value.ibsi) else f" ≠ {value.ibsi:.4g}"
    theirs = "" if value.agrees(value.pyradiomics) else f" ({value.pyradiomics:.4g})"
    return f"{value.consensus:g}{ours}{theirs}"


def _disagreeing(values: Sequence[Value]) -> str:
    cases = list(dict.fromkeys(v.case for v in values))
    rows = []
    for code in dict.fromkeys(v.code for v in values if not v.agrees(v.between) or not v.agrees(v.ibsi)):
        by = {v.case: v for v in values if v.code == code}
        first = next(iter(by.values()))
        cells = [f"{_close(by[c])}" if c in by else "" for c in cases]
        rows.append((f"{first.name} ({code})", f"`{first.feature}`", *cells))
    return _table(("IBSI", "radstore", *cases), rows)


def _close(value: Value) -> str:
    ours = "" if value.agrees(value.ibsi) else f" ≠ {value.ibsi:.4g}"
    theirs = "" if value.agrees(value.between) else f" ({value.between:.4g})"
    return f"{value.consensus:.4g}{ours}{theirs}"


def _missing(values: Sequence[Value]) -> str:
    lines = []
    for family in dict.fromkeys(v.family for v in values):
        has = {v.code for v in values if v.feature}
        some = [v for v in values if v.family == family]
        names = dict.fromkeys(f"{v.name} ({v.code})" for v in some if v.code not in has)
        if names:
            lines.append(f"- {family}: {', '.join(names)}")
    return "\n".join(lines)


def _responses(responses: Iterable[Response], scaled: float) -> str:
    rows = [
        (
            r.name,
            r.filter,
            r.boundary,
            f"{r.tolerance:.2g}",
            _deviation(r.pyradiomics, r.tolerance),
            _deviation(r.ibsi, r.tolerance),
            WHY[r.name].format(scaled=scaled),
        )
        for r in responses
    ]
    return _table(("map", "filter", "boundary", "tolerance", "PyRadiomics", "`ibsi: true`", "why"), rows)


def _deviation(value: float | None, tolerance: float) -> str:
    if value is None:
        return "none"
    return f"{value:.2g}, {'agrees' if value <= tolerance else 'differs'}"


def _count(values: Sequence[Value], which: str) -> str:
    return str(sum(v.agrees(getattr(v, which)) for v in values))


def _shown(aggregation: str) -> str:
    return aggregation.replace("2_5D", "2.5D") or "value"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

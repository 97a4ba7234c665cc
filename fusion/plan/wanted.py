"""`Wanted`: which stage is planned, and for Stage 2 from which maps and vector, in which region."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fusion.plan.cohort import Member, Reason
from fusion.plan.names import plan_name, require_nested
from fusion.regions.out_of_fold import region_name
from fusion.regions.rule import RegionRule
from fusion.roi import Roi
from radstore.errors import BadInput
from radstore.spec import Spec, load_spec
from radstore.store.table import FEATURES, MAPS, REGION


@dataclass(frozen=True)
class Wanted:
    """Which stage is planned for which fold, and what of each case it needs.

    Parameters
    ----------
    stage, fold
        1 or 2; the fold that is held out, None for none.
    without
        Stage 1 of nested chains: another fold that is left out.
    nested
        Stage 2 of nested chains: no model of a region saw the labels of `fold`.
    spec, region
        Stage 2: of the maps and the vector.
    roi
        Stage 2: what is seen around the region.
    rule
        Stage 1: how its labels will become regions.
    paper
        Whether scores are labelled optimistic.
    leak
        How the selection saw labels of the held-out cases; empty if it did not, or nobody knows.
    """

    stage: int
    fold: int | None
    spec: Spec | None = None
    region: str = ""
    roi: Roi = field(default_factory=Roi)
    rule: RegionRule | None = None
    paper: bool = False
    leak: str = ""
    without: int | None = None
    nested: bool = False

    @property
    def name(self) -> str:
        """Of the plan."""
        return plan_name(self.stage, self.fold, self.without)

    @property
    def held(self) -> tuple[int, ...]:
        """The folds that are left out, ascending."""
        return tuple(fold for fold in (self.fold, self.without) if fold is not None)

    @property
    def view(self) -> str:
        """The view of the store: spec@region; empty for Stage 1."""
        return f"{self.spec.name}@{self.region}" if self.spec else ""

    @property
    def maps(self) -> tuple[str, ...]:
        """The names of the maps, in the spec's order."""
        return tuple(self.spec.graph("voxel").names) if self.spec and self.spec.has_maps else ()

    @property
    def vector(self) -> tuple[str, ...]:
        """The names of the vector's numbers, in the spec's order."""
        return self.spec.names if self.spec else ()

    @property
    def unknown_selection(self) -> bool:
        """Whether only who wrote the list of features by hand, or copied it from a paper, can know."""
        return self.spec is not None and not self.spec.provenance

    def lacking(self, members: Iterable[Member]) -> dict[str, Reason]:
        """Case → why it has not what is wanted, as the store's manifest tells; no voxel is read."""
        reasons = {member.case.id: self._reason(member) for member in members}
        return {case: reason for case, reason in reasons.items() if reason}

    def _reason(self, member: Member) -> Reason | None:
        if self.spec is None:
            return None
        again = self._remedy(member)
        kinds = [FEATURES, *([MAPS] if self.maps else [])]
        for name in (REGION + self.region, *(kind + self.view for kind in kinds)):
            entry = member.record.blocks.get(name)
            if entry is None:
                return f"it has no {name} in the store", again
            if entry.error is not None:
                return f"it has no {name}: {entry.error['message']}", entry.error["remedy"]
            if entry.spec not in ("", self.spec.hash):
                told = f"its {name} is of another spec ({entry.spec[:12]}, asked for {self.spec.hash[:12]})"
                return told, again
        return None

    def _remedy(self, member: Member) -> str:
        """What makes what a case lacks: numbers are computed in its region, so that comes first."""
        build = f"`radstore build --features FILE --region {self.region}` with this spec"
        nested = " --nested" if self.nested else ""
        verbs = {region_name(self.fold): f"--fold {self.fold}{nested}", region_name(None): "--paper"}
        if REGION + self.region in member.record.blocks or self.region not in verbs:
            return f"Run {build}."
        return f"Run `fusion regions {verbs[self.region]}`, then {build}."


def wanted_of(
    stage: int,
    fold: int | None,
    features: str | Path | Spec | None,
    settings: Sequence[str],
    region: str | None,
    roi: Roi | None,
    rule: RegionRule | None,
    paper: bool,
    without: int | None = None,
    nested: bool = False,
) -> Wanted:
    """What is asked for, checked as far as that goes without the store; parameters as for `fusion.plan.plan`.

    Raises
    ------
    BadInput
        If something is missing or does not go together, or the selection saw the fold's cases.
    """
    if stage not in (1, 2):
        raise BadInput(f"--stage {stage}", "Give 1 (the whole CT) or 2 (around a region).")
    require_nested(stage, fold, without)
    if fold is None and not paper:
        raise BadInput(
            "no fold is held out",
            "Name one with --fold; --paper plans once for all, and scores are optimistic.",
        )
    if nested and (stage == 1 or paper):
        raise BadInput(
            "--nested is for Stage 2" if stage == 1 else "--nested and --paper contradict each other",
            "Stage 1 of nested chains: --without. Stage 2: --nested refuses what --paper allows.",
        )
    if stage == 1:
        if features is not None or region is not None or roi is not None or settings:
            raise BadInput(
                "Stage 1 sees the whole CT and nothing else",
                "Leave --features, --set, --region and --roi to stage 2.",
            )
        return Wanted(1, fold, rule=rule or RegionRule(), paper=paper, without=without)
    if rule is not None:
        raise BadInput("Stage 2 makes no regions", "Leave --dilate-mm to stage 1.")
    if features is None:
        raise BadInput("Stage 2 needs the spec of its maps and vector", "Name it with --features FILE.")
    spec = features if isinstance(features, Spec) else load_spec(features, list(settings))
    leak = _leak(spec, fold)
    if leak and not paper:
        raise BadInput(leak, "Select with `radstore select --fold K` for each fold; or say --paper.")
    region = region or region_name(fold)
    return Wanted(2, fold, spec, region, roi or Roi(), paper=paper, leak=leak, nested=nested)


def _leak(spec: Spec, fold: int | None) -> str:
    """How a selection saw labels of the held-out cases; empty if it did not, or nobody knows."""
    if not spec.provenance:
        return ""
    selected = spec.provenance.get("fold")
    if selected is None:
        return f"the features of {spec.name} were selected on all labelled cases"
    if selected != fold:
        return f"the features of {spec.name} were selected for fold {selected}, not for fold {fold}"
    return ""

"""``plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusion.cli import shared
from radstore.cli import exits, options
from radstore.cli.output import counting, failures, many, note, place, say, show_json

if TYPE_CHECKING:
    from fusion.plan import PlanReport
    from fusion.roi import Roi

Triple = tuple[float, float, float]


def plan(
    stage: Annotated[
        int, typer.Option("--stage", metavar="1|2", help="1: the whole CT, coarse; 2: around a region.")
    ],
    fold: Annotated[
        int | None,
        typer.Option("--fold", min=0, metavar="K", help="Held out: its cases give no number to the plan."),
    ] = None,
    without: Annotated[
        int | None,
        typer.Option(
            "--without", min=0, metavar="J", help="Stage 1 of nested chains: leave out this fold too, J > K."
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            "--features", "-f", metavar="FILE", help="Stage 2: the spec that maps and vector were built with."
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region", metavar="NAME", help="Stage 2: where they were built. Default: stage1-foldK."
        ),
    ] = None,
    set_: options.Set = None,
    roi: Annotated[
        str | None,
        typer.Option(
            "--roi",
            metavar="margins|box",
            help="Stage 2 sees margins (default) around the region's box, or a box around its centre.",
        ),
    ] = None,
    roi_mm: Annotated[
        Triple | None,
        typer.Option("--roi-mm", metavar="X Y Z", help="How wide they are, mm. Default: 100 50 15."),
    ] = None,
    dilate_mm: Annotated[
        Triple | None,
        typer.Option(
            "--dilate-mm",
            metavar="X Y Z",
            help="Stage 1: how far regions will reach around the pancreas. Default: 4.5 4.5 9.",
        ),
    ] = None,
    architecture: Annotated[
        str,
        typer.Option(
            "--architecture",
            metavar="plain|residual",
            help="PlainConvUNet, as published, or nnU-Net's ResEnc M.",
        ),
    ] = "plain",
    spacing: Annotated[
        Triple | None,
        typer.Option(
            "--spacing", metavar="Z Y X", help="Of the network's grid, mm. Default: stage 1 9 4.5 4.5."
        ),
    ] = None,
    patch: Annotated[
        tuple[int, int, int] | None,
        typer.Option("--patch", metavar="Z Y X", help="Voxels. Default: as nnU-Net plans it."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, metavar="N", help="Patches a batch. Default: nnU-Net's.")
    ] = None,
    stages: Annotated[
        int | None,
        typer.Option("--stages", min=1, metavar="N", help="Resolutions of the network. Default: nnU-Net's."),
    ] = None,
    base_features: Annotated[
        int | None,
        typer.Option(
            "--base-features", min=1, metavar="N", help="Of the first stage. Default: nnU-Net's, 32."
        ),
    ] = None,
    max_features: Annotated[
        int | None,
        typer.Option("--max-features", min=1, metavar="N", help="Of any stage. Default: nnU-Net's, 320."),
    ] = None,
    memory: Annotated[
        float, typer.Option("--memory", metavar="GB", help="What a training step may take on the GPU.")
    ] = 8.0,
    paper: Annotated[
        bool,
        typer.Option(
            "--paper", help="Allow a region or a selection that saw the held-out cases: optimistic scores."
        ),
    ] = False,
    nested: Annotated[
        bool,
        typer.Option(
            "--nested",
            help="Stage 2: refuse regions whose model saw labels of fold K (`regions --nested` has others).",
        ),
    ] = False,
    skip_failed: Annotated[
        bool, typer.Option("--skip-failed", help="Leave out cases that cannot be used, and list them.")
    ] = False,
    samples: Annotated[
        bool, typer.Option("--samples/--no-samples", help="Whether to make the training blocks too.")
    ] = True,
    models: Annotated[
        Path, typer.Option("--models", metavar="DIR", help="The folder of plans and models.")
    ] = shared.DEFAULT_MODELS,
    catalog: options.CatalogFile = options.DEFAULT_CATALOG,
    store: options.CatalogsStore = None,
    source: options.Source = None,
    jobs: options.Jobs = None,
    as_json: options.Json = False,
) -> int:
    """Plan a stage by nnU-Net's planner, and make its training samples in the store.

    The fingerprint and all statistics come from the training cases of the fold. One plan serves every row of
    the ablation.
    """
    from fusion.plan import Overrides
    from fusion.plan import plan as run
    from fusion.regions.rule import RegionRule

    overrides = Overrides(
        architecture=architecture,
        spacing=spacing,
        patch=patch,
        batch=batch,
        stages=stages,
        base_features=base_features,
        max_features=max_features,
        memory=memory,
    )
    with counting() as bar:
        report = run(
            stage,
            fold,
            without=without,
            models=models,
            catalog=options.catalog_file(catalog),
            store=options.given_store(store),
            source=source,
            features=features,
            settings=set_ or (),
            region=region,
            roi=_roi(roi, roi_mm),
            rule=RegionRule(dilate_mm=dilate_mm) if dilate_mm else None,
            overrides=overrides,
            paper=paper,
            nested=nested,
            skip_failed=skip_failed,
            samples=samples,
            jobs=jobs,
            progress=lambda _, done, total: bar(done, total),
        )
    for line in report.notes:
        note(f"note: {line}")
    if as_json:
        show_json(report.to_json())
    else:
        _show(report)
    return exits.SOME_FAILED if report.failed else exits.OK


def _roi(rule: str | None, mm: Triple | None) -> Roi | None:
    """What was said of it; None: nothing was."""
    from fusion.roi import Roi

    said: dict[str, Any] = {"rule": rule, "mm": mm}
    given = {name: value for name, value in said.items() if value is not None}
    return Roi(**given) if given else None


def _show(report: PlanReport) -> None:
    say(
        f"{report.name}: planned from {many(len(report.training), 'training case')}, "
        f"{many(len(report.held_out), 'case')} held out"
    )
    for line in report.summary:
        say(line)
    for case, why in sorted(report.left_out.items()):
        say(f"left out {case}: {why}")
    for line in failures(report.failed):
        say(line)
    say(f"written: {place(str(report.folder.resolve()))}")

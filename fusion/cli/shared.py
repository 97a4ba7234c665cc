"""Options that verbs which run a model share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_MODELS = Path("models")
DEFAULT_ROW = "ct+maps+global"
# As in the library, which is imported only where a verb runs; a test holds them together.
STEP, CHECKPOINT = 0.5, "checkpoint_final.pth"
THRESHOLD, FACTOR, MOST, VOXELS = "dynamic-v2", 15.0, 5, 10

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[CT]...", help="CT files, DICOM folders, folders of CT files."),
]
Models = Annotated[
    Path, typer.Option("--models", metavar="DIR", help="Where `fusion train` put the trained models.")
]
Inputs = Annotated[
    str,
    typer.Option(
        "--inputs", metavar="ROW", help="Which trained row: ct, ct+global, ct+maps, ct+maps+global, …"
    ),
]
Store = Annotated[
    str | None,
    typer.Option("--store", "-s", metavar="PATH|URL", help="Predict this store's cases, from what it has."),
]
Catalog = Annotated[
    Path | None,
    typer.Option(
        "--catalog", "-c", metavar="FILE", help="Predict this catalog's cases, also without a store."
    ),
]
Fold = Annotated[
    int | None, typer.Option("--fold", min=0, metavar="K", help="Only the cases that fold K holds out.")
]
Device = Annotated[
    str, typer.Option("--device", metavar="NAME", help="Where networks run: auto, cpu, cuda, cuda:1.")
]
Step = Annotated[float, typer.Option("--step", metavar="S", help="Step of the tiles, in tile sizes.")]
Mirroring = Annotated[
    bool, typer.Option("--mirroring/--no-mirroring", help="Average over mirrored tiles: slower, steadier.")
]
Checkpoint = Annotated[
    str,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="Of each model folder. The held-out cases chose checkpoint_best.pth: it is optimistic for them.",
    ),
]
Threshold = Annotated[
    str,
    typer.Option(
        "--threshold",
        metavar="NAME|P",
        help="Of lesion candidates: dynamic-v2, dynamic, dynamic-fast, or a probability.",
    ),
]
Factor = Annotated[
    float,
    typer.Option("--factor", metavar="F", help="Of dynamic thresholds: a candidate goes down to peak / F."),
]
Most = Annotated[int, typer.Option("--max-lesions", metavar="N", help="At most so many candidates a case.")]
Voxels = Annotated[
    int, typer.Option("--min-voxels", metavar="N", help="A candidate has more voxels than this.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what was made with something else; else that is refused.")
]

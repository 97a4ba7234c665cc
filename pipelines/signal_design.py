"""`Design`: what is held fixed in the experiment on phantom cohorts with and without a signal."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fusion.plan import Overrides
from fusion.roi import Roi
from radstore.canonical import digest_of
from radstore.errors import BadInput
from radstore.output_file import writing

HERE = Path(__file__).parent
COHORTS = {"signal": "on", "control": "off"}
"""Cohort → the phantom's ``signal``."""
ALL_FEATURES = HERE / "panorama-1486.yaml"
STAND_IN = HERE / "phantom-ten.yaml"
"""The list of a fold whose selection finds nothing, named before anything was run."""
MAP_SETTINGS = ("voxelSetting.kernelRadius=2",)
"""Of the maps, whatever the list; the window of the published ones."""
REGION = "pancreas"
"""Drawn, not predicted: the question is whether radiomics adds anything, not whether Stage 1 finds it."""
FILE = "design.json"


@dataclass(frozen=True)
class Design:
    """What two results must share to stand in one table. The defaults are for a GPU.

    Parameters
    ----------
    cases
        Of each cohort; both have the same patients and scans.
    phantom
        Its seed. Not 0: that cohort gave the list that stands in.
    folds
        Of the split, the same for all.
    tested
        How many of them are held out in turn.
    epochs, steps
        Of each training.
    spacing, patch
        Of the network's grid, mm and voxels (z, y, x). The phantom's pixel is 1.2 mm, its textures fall to
        1/e over 2.2 and 3.4 mm: a much coarser grid would hide from `ct` what maps are given.
    batch, stages, base_features, max_features
        Of the network.
    margin
        Of the ROI around the region's box, mm.
    tile_step
        At prediction, how far tiles lie apart, in tiles.
    """

    cases: int = 600
    phantom: int = 7
    folds: int = 5
    tested: int = 5
    epochs: int = 100
    steps: int = 100
    spacing: tuple[float, float, float] = (1.5, 1.2, 1.2)
    patch: tuple[int, int, int] = (32, 48, 64)
    batch: int = 4
    stages: int = 4
    base_features: int = 32
    max_features: int = 256
    margin: float = 8.0
    tile_step: float = 0.5

    @property
    def overrides(self) -> Overrides:
        """As `fusion.plan.plan` wants them."""
        return Overrides(
            spacing=self.spacing,
            patch=self.patch,
            batch=self.batch,
            stages=self.stages,
            base_features=self.base_features,
            max_features=self.max_features,
        )

    @property
    def roi(self) -> Roi:
        """As `fusion.plan.plan` wants it."""
        return Roi("margins", (self.margin,) * 3)

    def to_json(self) -> dict[str, Any]:
        """As it stands in its file, with what the lists of features hold."""
        lists = [path.read_text(encoding="utf-8") for path in (ALL_FEATURES, STAND_IN)]
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found | {"maps": list(MAP_SETTINGS), "region": REGION, "lists": digest_of(lists)}

    def claim(self, out: Path) -> None:
        """Write the design to a folder of results, or see that it is the one they are of.

        Raises
        ------
        BadInput
            If they are of another design.
        """
        path, mine = out / FILE, self.to_json()
        if not path.exists():
            with writing(path) as aside:
                aside.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")
            return
        theirs = json.loads(path.read_text(encoding="utf-8"))
        differs = [
            f"{key} {theirs.get(key)}, not {value}" for key, value in mine.items() if theirs.get(key) != value
        ]
        if differs:
            raise BadInput(
                f"{out} holds results of another design: {'; '.join(differs)}", "Name another --out."
            )


GPU = Design()
CPU = replace(
    GPU,
    cases=200,
    tested=1,
    epochs=20,
    steps=20,
    patch=(16, 32, 48),
    batch=2,
    stages=3,
    base_features=8,
    max_features=32,
    tile_step=1.0,
)
"""What a processor finishes in an hour or so. Far from what a network needs to learn a texture."""

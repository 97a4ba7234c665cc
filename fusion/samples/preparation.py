"""What nnU-Net's plans say of preparing a case, done by nnU-Net's own functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fusion.recipe import Recipe
from radstore.canonical import digest_of
from radstore.errors import BadInput
from radstore.images.volume import Index3, Volume
from radstore.suggest import suggest

CONFIGURATION = "3d_fullres"  # of both stages
SCHEME = "CTNormalization"


@dataclass(frozen=True)
class Preparation:
    """How the plans want a CT and its labels.

    Parameters
    ----------
    order
        ``transpose_forward``: which of the image's axes (z, y, x) come first, second, third.
    spacing
        Of the network's grid along those axes, in mm.
    intensity
        ``mean``, ``std``, ``percentile_00_5``, ``percentile_99_5`` of the CT, in HU.
    resampling
        The functions for data and labels: name and keyword arguments, as in the plans.
    """

    order: Index3
    spacing: tuple[float, float, float]
    intensity: Mapping[str, float]
    resampling: Mapping[str, Any]

    @classmethod
    def from_plans(cls, plans: Mapping[str, Any], configuration: str = CONFIGURATION) -> Preparation:
        """Of one configuration of the plans.

        Raises
        ------
        BadInput
            If there is no such configuration, it is not 3-D, or its first channel is not normalised as a CT.
        """
        import fusion.nnunet  # noqa: F401

        # isort: split
        from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

        if configuration not in plans["configurations"]:
            raise BadInput(
                f"the plans have no configuration {configuration!r}",
                suggest(configuration, plans["configurations"], "They have"),
            )
        manager = PlansManager(dict(plans))
        chosen = manager.get_configuration(configuration).configuration
        _require_ct(chosen, configuration)
        z, y, x = manager.transpose_forward
        functions = ("resampling_fn_data", "resampling_fn_seg")
        return cls(
            order=(int(z), int(y), int(x)),
            spacing=tuple(float(mm) for mm in chosen["spacing"]),  # type: ignore[arg-type]
            intensity=dict(manager.foreground_intensity_properties_per_channel["0"]),
            resampling={name: chosen[name] for both in functions for name in (both, f"{both}_kwargs")},
        )

    @property
    def document(self) -> dict[str, Any]:
        """As plain JSON: all that the prepared values depend on, of the plans."""
        used = ("mean", "std", "percentile_00_5", "percentile_99_5")
        return {
            "order": list(self.order),
            "spacing": list(self.spacing),
            "normalisation": {"scheme": SCHEME} | {name: float(self.intensity[name]) for name in used},
            "resampling": dict(self.resampling),
        }

    def shape(self, crop: Volume) -> Index3:
        """The network's grid for a crop (axes in `order`); one voxel where nnU-Net would have none."""
        from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape

        spacing = crop.geometry.spacing[::-1]
        z, y, x = (max(1, int(n)) for n in compute_new_shape(crop.array.shape, spacing, self.spacing))
        return z, y, x

    def image(self, crop: Volume) -> np.ndarray:
        """The CT on the network's grid, float32 (z, y, x): normalised, then resampled."""
        from nnunetv2.preprocessing.normalization.default_normalization_schemes import CTNormalization

        values = crop.array.astype(np.float32)  # a copy: the normalisation works in place
        scheme = CTNormalization(use_mask_for_norm=False, intensityproperties=dict(self.intensity))
        return self._resampled("resampling_fn_data", scheme.run(values), crop)

    def labels(self, crop: Volume) -> np.ndarray:
        """Labels on the network's grid, int8 (z, y, x)."""
        return self._resampled("resampling_fn_seg", crop.array, crop).astype(np.int8, copy=False)

    def _resampled(self, function: str, values: np.ndarray, crop: Volume) -> np.ndarray:
        resample = getattr(self._configuration, function)
        spacing = list(crop.geometry.spacing[::-1])
        return np.asarray(resample(values[None], self.shape(crop), spacing, list(self.spacing))[0])

    @cached_property
    def _configuration(self) -> Any:
        """nnU-Net's, with what it needs to find its resampling functions."""
        from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

        # without the key ``architecture`` nnU-Net takes it for plans of an old format
        return ConfigurationManager({"architecture": {}, **self.resampling})


def document(prepared: Preparation, recipe: Recipe) -> dict[str, Any]:
    """All that a sample depends on beside the case: as plain JSON, the same for all rows and all cases."""
    roi = asdict(recipe.roi) | {"mm": list(recipe.roi.mm)} if recipe.stage == 2 else None
    return {"preparation": prepared.document, "labels": sorted(recipe.labels.values()), "roi": roi}


def digest(plans: Mapping[str, Any], recipe: Recipe) -> str:
    """Tells the samples of one plan from those of another."""
    return digest_of(document(Preparation.from_plans(plans), recipe))


def _require_ct(chosen: Mapping[str, Any], configuration: str) -> None:
    if len(chosen["spacing"]) != 3:
        raise BadInput(f"configuration {configuration!r} is {len(chosen['spacing'])}-D", "Use a 3-D one.")
    scheme = chosen["normalization_schemes"][0]
    if scheme != SCHEME:
        raise BadInput(
            f"the plans normalise the first channel by {scheme}, not as a CT ({SCHEME})",
            'Name that channel "CT" in dataset.json and plan again.',
        )

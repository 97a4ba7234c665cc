"""How large a cohort's patients and images are: in miniature, or as PANORAMA's."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from radstore.phantom.template import Spread


@dataclass(frozen=True)
class Size:
    """How large a cohort's patients and images are.

    Parameters
    ----------
    pixel, field
        Width of a pixel and of the field of view, against the real one that was drawn.
    half_width, depth_mm
        Least and most half width of a patient, and extent of a scan along z, mm.
    pancreas_cm3
        Volume of the pancreas without the mass.
    mass_mm
        Diameter of the mass.
    duct_mm
        Diameter of the pancreatic duct.
    tubes
        How thick vessels and bile duct are, against the template in this patient's scale.
    vertebra_mm
        From one vertebra to the next.
    noise_mm
        Width (σ) of the Gaussian that in-plane noise is smoothed with.
    """

    pixel: float
    field: float
    half_width: tuple[float, float]
    depth_mm: tuple[float, float]
    pancreas_cm3: Spread
    mass_mm: Spread
    duct_mm: Spread
    tubes: float
    vertebra_mm: float
    noise_mm: float


# Pancreas 77.9 ± 21.7 cm³ (PMID 30298430); hypoattenuating tumour 30.3 ± 9.0 mm (PMID 17961951); normal duct
# 2.2 ± 0.9 mm. A scan is at least as deep as the pancreas.
FULL = Size(
    pixel=1.0,
    field=1.0,
    half_width=(0.0, 1e4),
    depth_mm=(170.0, 1e4),
    pancreas_cm3=Spread(78, 22, 30, 140),
    mass_mm=Spread(30, 9, 12, 52),
    duct_mm=Spread(2.2, 0.9, 1.0, 5.0),
    tubes=0.65,
    vertebra_mm=36.0,
    noise_mm=0.42,
)

# A case in less than a second: pancreas and mass 0.63 times as long (a quarter of the volume) with the same
# relative spread, in a body 0.3 times as wide; pixels 1.6 times as wide. Slice distances and lengths of
# textures are the real ones; noise is as correlated from one pixel to the next as in full size; the duct is
# wide enough to be seen.
SMALL = Size(
    pixel=1.6,
    field=0.3,
    half_width=(49.0, 61.0),
    depth_mm=(85.0, 115.0),
    pancreas_cm3=Spread(19.5, 5.5, 7.5, 35),
    mass_mm=Spread(19, 5.7, 7.6, 33),
    duct_mm=Spread(2.8, 0.7, 1.6, 4.6),
    tubes=1.0,
    vertebra_mm=20.0,
    noise_mm=0.72,
)

SIZES: MappingProxyType[str, Size] = MappingProxyType({"small": SMALL, "full": FULL})

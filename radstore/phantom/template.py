"""The abdomen in numbers: where things lie, what they measure in Hounsfield units, and who says so.

Coordinates are millimetres in an abdomen `HALF_WIDTH` wide to each side: x to the patient's left, y to the
back, z to the head, from the middle of the body. A patient's own anatomy scales and jitters them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from radstore.images.volume import Vector3

BACKGROUND, LESION, VEINS, ARTERIES, PARENCHYMA, DUCT, BILE_DUCT = range(7)  # PANORAMA's label values

HALF_WIDTH, HALF_DEPTH = 54.0, 43.0


class Spread(NamedTuple):
    """A quantity that differs between cases: a normal law, cut at both ends."""

    mean: float
    sd: float
    low: float
    high: float


# Mean attenuation, HU, in the portal-venous phase.
# pancreas, portal vein, aorta, superior mesenteric artery, liver: discs drawn in two public CTs of the TCIA
#   collection Colorectal-Liver-Metastases (CRLM-CT-1004, CRLM-CT-1006).
# The rest are textbook values.
HU: MappingProxyType[str, Spread] = MappingProxyType(
    {
        "pancreas": Spread(97, 8, 80, 115),
        "vein": Spread(144, 10, 120, 168),
        "artery": Spread(145, 10, 120, 170),
        "mesenteric": Spread(138, 9, 115, 160),
        "cava": Spread(133, 12, 105, 160),
        "liver": Spread(112, 8, 92, 132),
        "spleen": Spread(122, 8, 100, 142),
        "kidney": Spread(178, 12, 150, 205),
        "muscle": Spread(60, 4, 50, 70),
        "fat": Spread(-100, 4, -110, -90),
        "wall": Spread(85, 6, 70, 100),
        "content": Spread(25, 6, 10, 40),
        "bile": Spread(10, 3, 2, 18),
        "duct": Spread(20, 3, 12, 28),
        "marrow": Spread(190, 20, 150, 240),
        "cortex": Spread(420, 40, 330, 500),
        "disc": Spread(95, 8, 80, 110),
        "cord": Spread(35, 3, 25, 45),
        "gas": Spread(-850, 20, -900, -800),
        "air": Spread(-1000, 0, -1000, -1000),
    }
)


# Mass minus pancreas, HU. Most are hypoattenuating: −40.5 ± 23 (PMID 17961951), −39 ± 16 (Lu 1996, Radiology
# 199:697; the narrower one here). Of PDAC 14 % are isoattenuating: by 7.1 ± 4.7 HU (PMID 17961951).
MASS_HU = Spread(-40, 16, -75, -15)
ISOATTENUATING_HU = Spread(-7.1, 4.7, -15, 0)
ISOATTENUATING = 0.14


@dataclass(frozen=True)
class Organ:
    """An ellipsoid: its tissue in `HU`, centre and half axes in template millimetres."""

    tissue: str
    centre: Vector3
    radii: Vector3


@dataclass(frozen=True)
class Tube:
    """A tube along a smooth curve through `path`, `radius` mm thick, and its label value if it has one."""

    tissue: str
    radius: float
    path: tuple[Vector3, ...]
    label: int | None = None


# Later ones lie over earlier ones.
ORGANS = (
    Organ("liver", (-27, -8, 22), (25, 28, 33)),
    Organ("spleen", (37, 9, 20), (9, 14, 21)),
    Organ("wall", (21, -22, 22), (19, 12, 20)),  # stomach
    Organ("content", (21, -22, 22), (16.5, 9.5, 17.5)),
    Organ("kidney", (-29, 19, -14), (9.5, 11, 24)),
    Organ("kidney", (29, 18, -10), (9.5, 11, 25)),
    Organ("fat", (-25, 17, -14), (4.5, 5, 10)),  # renal sinus
    Organ("fat", (25, 16, -10), (4.5, 5, 11)),
    Organ("content", (-27, -17, -4), (6.5, 7.5, 11)),  # gallbladder
    Organ("muscle", (-14, 30, 0), (10, 8, 400)),  # back
    Organ("muscle", (14, 30, 0), (10, 8, 400)),
    Organ("muscle", (-13, 21, -30), (6, 6, 30)),  # psoas
    Organ("muscle", (13, 21, -30), (6, 6, 30)),
)

BOWEL = (
    Tube("content", 5.5, ((-27, -10, 2), (-32, -2, -10), (-29, 5, -24), (-10, 9, -33), (12, 4, -34))),
    Tube("content", 6.0, ((10, -18, -16), (24, -14, -20), (32, -8, -28), (22, -6, -38), (6, -14, -46))),
    Tube("content", 5.5, ((-34, -16, -20), (-20, -22, -26), (-6, -20, -32), (-14, -12, -46))),
    Tube("gas", 6.5, ((-38, -8, -48), (-36, -14, -24), (-20, -29, -10), (10, -31, -8), (36, -16, -4))),
)

# Head, neck (in front of the mesenteric vein), body, tail.
PANCREAS = ((-18, 3, -21), (-18, -3, -12), (-7, -11, -5), (8, -9, 1), (21, -2, 6), (33, 5, 11))
PANCREAS_PROFILE = (1.15, 1.2, 0.85, 0.95, 1.0, 0.8)  # relative radius at these points

VESSELS = (
    Tube("cava", 5.2, ((-9, 10, -80), (-9, 9, 0), (-10, 7, 80)), BACKGROUND),  # has no label here
    Tube("vein", 4.0, ((-4, 2, -80), (-4, 1, -20), (-5, 0, 0), (-10, -3, 14), (-18, -8, 32)), VEINS),
    Tube("vein", 2.6, ((-5, 0, 2), (8, -2, 5), (21, 4, 9), (35, 10, 15)), VEINS),  # splenic
    Tube("artery", 4.6, ((5, 9, -80), (5, 8, 0), (4, 7, 80)), ARTERIES),
    Tube("mesenteric", 2.3, ((5, 6, 7), (4.5, 1, -2), (4, 0, -20), (4, 1, -80)), ARTERIES),
    Tube("artery", 1.9, ((5, 5, 14), (3, -2, 17), (-6, -7, 18), (-14, -8, 24)), ARTERIES),  # coeliac, hepatic
)

BILE = Tube(
    "bile", 2.1, ((-18, -11, 34), (-18, -5, 17), (-22, 3, 0), (-21, 5, -12), (-19, 3, -21)), BILE_DUCT
)

"""`Column`: one number that is asked for, and the names by which PyRadiomics calls it.

A full name is ``<image>_<class>_<feature>``, e.g. ``wavelet-LLH_glcm_Imc1``. What an image is named after its
filter, and what filter a name means, stands here in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from radstore.spec.settings import Settings
from radstore.texture.names import FILTERS

LBP3D_KURTOSIS = "k"
_SIGMA = re.compile(r"(\d{1,20})(?:-(\d+))?(e[+-]?\d+)?")  # as Python writes numbers, with - for the point
_LOG = re.compile(r"log-sigma-(.+)-mm-3D")
_WAVELET = re.compile(r"wavelet(\d?\d?)-([LH]{2,3})")
_LBP3D = re.compile(r"lbp-3D-(k|m[1-9]\d?)")
_PLAIN = {image.pattern: image.name for image in FILTERS.values() if "<" not in image.pattern}


@dataclass(frozen=True)
class Image:
    """One image that features are computed on: what a filter gives, or the original.

    Parameters
    ----------
    name
        As PyRadiomics writes it: ``original``, ``log-sigma-4-0-mm-3D``, ``wavelet2-LLH``, ``lbp-3D-m1``.
    image_type
        The filter, by PyRadiomics' name: a key of `radstore.texture.names.FILTERS`.
    sigma
        Width of a LoG, in mm.
    level
        Decomposition that a wavelet band stands at, from 1; 0 for other filters.
    band
        Letters of a wavelet band (one an axis, x first), or the map of LBP3D: m1, m2, …, k.
    """

    name: str
    image_type: str
    sigma: float | None = None
    level: int = 0
    band: str = ""

    def narrow(self, settings: Settings) -> Settings:
        """`settings` asking the filter for this image only, however many a file asks it for.

        Thus a number has one key, whether its image was asked for alone or among others.
        """
        if self.image_type == "LoG":
            return settings.model_copy(update={"sigma": (self.sigma,)})
        if self.image_type == "Wavelet":
            return settings.model_copy(update={"level": self.level})
        if self.image_type == "LBP3D":
            needed = 1 if self.band == LBP3D_KURTOSIS else int(self.band[1:])
            return settings.model_copy(update={"lbp3DLevels": needed})
        return settings


@dataclass(frozen=True)
class Column:
    """One number of the result: a feature of an image, with the settings it is computed with.

    Parameters
    ----------
    name
        PyRadiomics' full name.
    image_type, sigma, level, band
        The image, as in `Image`; shape features have ``Original``, though they read the mask alone.
    family, feature
        Feature class and feature, e.g. ``glcm`` and ``Imc1``.
    settings
        The settings in force: the file's, overruled by those of the image type.
    """

    name: str
    image_type: str
    family: str
    feature: str
    settings: Settings
    sigma: float | None = None
    level: int = 0
    band: str = ""

    @classmethod
    def of(cls, image: Image, family: str, feature: str, settings: Settings) -> Column:
        """The column of one feature on one image."""
        return cls(
            name=f"{image.name}_{family}_{feature}",
            image_type=image.image_type,
            family=family,
            feature=feature,
            settings=image.narrow(settings),
            sigma=image.sigma,
            level=image.level,
            band=image.band,
        )


ORIGINAL = Image("original", "Original")


def images(image_type: str, settings: Settings) -> Iterator[Image]:
    """What a filter gives with these settings, in PyRadiomics' order."""
    if image_type == "LoG":
        for sigma in settings.sigma:
            yield log_image(sigma)
    elif image_type == "Wavelet":
        details = bands(settings)[1:]
        for level in range(1, settings.level + 1):
            yield from (wavelet_image(level, band) for band in details)
        yield wavelet_image(settings.level, bands(settings)[0])
    elif image_type == "LBP3D":
        for band in (*(f"m{n}" for n in range(1, settings.lbp3DLevels + 1)), LBP3D_KURTOSIS):
            yield Image(f"lbp-3D-{band}", "LBP3D", band=band)
    else:
        yield Image(FILTERS[image_type].pattern, image_type)


def log_image(sigma: float) -> Image:
    """The LoG of one width; 4 and 4.0 give different names, as in PyRadiomics, but one image."""
    return Image(f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D", "LoG", sigma=float(sigma))


def wavelet_image(level: int, band: str) -> Image:
    """One band of one decomposition; the first has no number in its name."""
    return Image(f"wavelet{level if level > 1 else ''}-{band}", "Wavelet", level=level, band=band)


def bands(settings: Settings) -> list[str]:
    """The bands of a wavelet transform: the low-pass one, then the details in PyRadiomics' order."""
    return ["".join(letters) for letters in product("LH", repeat=2 if settings.force2D else 3)]


def read_image(name: str) -> Image | None:
    """The image that a name means; None for a name that PyRadiomics gives to none."""
    if name in _PLAIN:
        return Image(name, _PLAIN[name])
    if found := _WAVELET.fullmatch(name):
        image = wavelet_image(int(found[1] or 1), found[2])
    elif found := _LBP3D.fullmatch(name):
        image = Image(name, "LBP3D", band=found[1])
    elif (found := _LOG.fullmatch(name)) and (sigma := _sigma(found[1])):
        image = log_image(sigma)
    else:
        return None
    return image if image.name == name else None  # wavelet1-LLH, log-sigma-04-…


def _sigma(text: str) -> float | None:
    found = _SIGMA.fullmatch(text)
    if not found:
        return None
    whole, decimals, exponent = found.groups()
    if decimals is None and exponent is None:
        return int(whole)
    return float(f"{whole}.{decimals or 0}{exponent or ''}")

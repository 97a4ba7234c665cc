"""Who is measured: one interface over our engine and the libraries it is compared with."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import SimpleITK as sitk

from benchmarks.cases import BIN_WIDTH
from radstore.engines.native import Cpu
from radstore.images.itk import set_threads, to_itk
from radstore.images.volume import Volume
from radstore.spec import Spec

FAMILIES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
VOXEL_BATCH = 500  # PyRadiomics' fastest here; all voxels at once take gigabytes

Call = Callable[[], Any]


def ours(case: tuple[Volume, Volume], features: dict[str, list[str]], radius: int, threads: int) -> Call:
    """Our engine's maps of `features` (class → names, [] for all)."""
    document = {
        "featureClass": features,
        "setting": {"binWidth": BIN_WIDTH},
        "voxelSetting": {"kernelRadius": radius},
    }
    graph = Spec.from_dict(document).graph("voxel")

    def call() -> Any:
        set_threads(threads)
        return Cpu().maps(*case, graph)

    return call


def our_vector(case: tuple[Volume, Volume], document: dict[str, Any], threads: int) -> Call:
    """Our engine's global features of a parameter file."""
    graph = Spec.from_dict(document).graph("roi")

    def call() -> Any:
        set_threads(threads)
        return Cpu().vector(*case, graph)

    return call


def pyradiomics(case: tuple[Volume, Volume], document: dict[str, Any], voxel: bool) -> Call:
    """``RadiomicsFeatureExtractor.execute`` on images in memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from radiomics import setVerbosity
        from radiomics.featureextractor import RadiomicsFeatureExtractor
    setVerbosity(60)
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    image, mask = map(to_itk, case)
    extractor = RadiomicsFeatureExtractor(document, additionalInfo=False)

    def call() -> Any:
        set_threads(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return extractor.execute(image, mask, voxelBased=voxel)

    return call


def pyradiomics_maps(case: tuple[Volume, Volume], features: dict[str, list[str]], radius: int) -> Call:
    """PyRadiomics' maps, its batches bounded."""
    settings = {"binWidth": BIN_WIDTH}
    voxel = {"kernelRadius": radius, "voxelBatch": VOXEL_BATCH}
    return pyradiomics(
        case, {"featureClass": features, "setting": settings, "voxelSetting": voxel}, voxel=True
    )


def flash_maps(
    case: tuple[Volume, Volume], features: dict[str, list[str]], radius: int, threads: int
) -> Call:
    """flash-radiomics' maps on its CPU backend, without the HDF5 file that it would write.

    A new extractor each time: it keeps pre-processed cases.
    """
    from flash_radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("flash_radiomics").setLevel(logging.CRITICAL)
    image, mask = map(to_itk, case)

    def call() -> Any:
        extractor = RadiomicsFeatureExtractor(
            backend="cpu", num_threads=threads, binWidth=BIN_WIDTH, kernelRadius=radius, additionalInfo=False
        )
        extractor.disableAllFeatures()
        extractor.enableFeaturesByName(**features)
        ready = extractor.preprocess_case(sitk.Image(image), sitk.Image(mask), label=1, spatialMode=True)
        return extractor.extract_from_preprocessed(ready)

    return call


def has_flash() -> bool:
    """Whether flash-radiomics is installed."""
    try:
        import flash_radiomics  # noqa: F401
    except ImportError:
        return False
    return True


def every(families: Sequence[str] = FAMILIES) -> dict[str, list[str]]:
    """All features of the texture classes, as ``featureClass`` takes them."""
    return {family: [] for family in families}

"""Who is measured: one interface over our engine and the libraries it is compared with."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmarks.cases import BIN_WIDTH
from radstore.engines.registry import choose
from radstore.images.itk import set_threads, to_itk
from radstore.images.volume import Volume
from radstore.spec import Spec

FAMILIES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
FLASH = ("flash_radiomics", "h5py", "trimesh")
TORCH = ("torchradiomics",)
VOXEL_BATCH = 500  # PyRadiomics' fastest here; all voxels at once take gigabytes

Call = Callable[[], Any]
Case = tuple[Volume, Volume]


def ours(case: Case, features: dict[str, list[str]], radius: int, threads: int, engine: str = "cpu") -> Call:
    """Our maps of `features` (class → names, [] for all)."""
    document = {
        "featureClass": features,
        "setting": {"binWidth": BIN_WIDTH},
        "voxelSetting": {"kernelRadius": radius},
    }
    return our_maps(case, document, threads, engine)


def our_maps(case: Case, document: dict[str, Any], threads: int, engine: str = "cpu") -> Call:
    """Our maps of a parameter file or a list of features."""
    graph = Spec.from_dict(document).graph("voxel")
    chosen, _ = choose(engine)

    def call() -> Any:
        set_threads(threads)
        return chosen.maps(*case, graph)

    return call


def our_vector(case: Case, document: dict[str, Any], threads: int, engine: str = "cpu") -> Call:
    """Our global features of a parameter file."""
    graph = Spec.from_dict(document).graph("roi")
    chosen, _ = choose(engine)

    def call() -> Any:
        set_threads(threads)
        return chosen.vector(*case, graph)

    return call


def pyradiomics(case: Case, document: dict[str, Any], voxel: bool, **settings: Any) -> Call:
    """``RadiomicsFeatureExtractor.execute`` on images in memory."""
    image, mask = map(to_itk, case)
    extractor = _library().RadiomicsFeatureExtractor(document, additionalInfo=False, **settings)

    def call() -> Any:
        set_threads(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return extractor.execute(image, mask, voxelBased=voxel)

    return call


def pyradiomics_maps(case: Case, features: dict[str, list[str]], radius: int, **settings: Any) -> Call:
    """PyRadiomics' maps, its batches bounded; `settings` are more of PyRadiomics'."""
    document = {
        "featureClass": features,
        "setting": {"binWidth": BIN_WIDTH},
        "voxelSetting": {"kernelRadius": radius, "voxelBatch": VOXEL_BATCH},
    }
    return pyradiomics(case, document, voxel=True, **settings)


def torch_maps(case: Case, features: dict[str, list[str]], radius: int) -> Call:
    """PyTorchRadiomics' maps, on the GPU where torch finds one."""
    return with_torch(pyradiomics_maps(case, features, radius, device=torch_device()))


def torch_map(case: Case, document: dict[str, Any], name: str) -> Call:
    """`pyradiomics_map` with PyTorchRadiomics."""
    return with_torch(pyradiomics_map(case, document, name, device=torch_device()))


def pyradiomics_map(case: Case, document: dict[str, Any], name: str, **settings: Any) -> Call:
    """One map of a list of features with PyRadiomics' extractor, other bands of its filter left out.

    `document` is one of ours (``features``, ``setting``, ``voxelSetting``); its window is applied here.
    `settings` are more of PyRadiomics'.
    """
    image_type, family, feature = name.split("_")
    theirs = {
        "imageType": library_filter(image_type),
        "featureClass": {family: [feature]},
        "setting": {k: v for k, v in document["setting"].items() if not k.startswith("window")},
        "voxelSetting": {**document["voxelSetting"], "voxelBatch": VOXEL_BATCH},
    }

    class OneBand(_library().RadiomicsFeatureExtractor):  # type: ignore[name-defined,misc]
        def computeFeatures(self, image: Any, mask: Any, imageTypeName: str, **kwargs: Any) -> Any:  # noqa: N802
            if imageTypeName != image_type:
                return {}
            return super().computeFeatures(image, mask, imageTypeName, **kwargs)

    extractor = OneBand(theirs, additionalInfo=False, **settings)
    image, mask = map(to_itk, case)

    def call() -> Any:
        set_threads(1)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return extractor.execute(_windowed(image, document["setting"]), mask, voxelBased=True)

    return call


def library_filter(image_type: str) -> dict[str, Any]:
    """What PyRadiomics' parameter files ask for to get an image type, e.g. of ``log-sigma-4-0-mm-3D``."""
    if image_type.startswith("log-sigma-"):
        number = image_type.removeprefix("log-sigma-").removesuffix("-mm-3D")
        return {"LoG": {"sigma": [float(number.replace("-", "."))]}}
    names = {"original": "Original", "wavelet": "Wavelet", "lbp": "LBP2D"}
    return {names[image_type.partition("-")[0]]: {}}


def _windowed(image: sitk.Image, settings: dict[str, Any]) -> sitk.Image:
    if "windowLevel" not in settings:
        return image
    level, width = settings["windowLevel"], settings["windowWidth"]
    return sitk.Clamp(image, image.GetPixelID(), level - width / 2, level + width / 2)


def _library() -> Any:
    """PyRadiomics' extractor module; it says nothing from now on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from radiomics import featureextractor, setVerbosity
    setVerbosity(60)
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    return featureextractor


def with_torch(call: Call) -> Call:
    """A call of PyRadiomics with PyTorchRadiomics' classes in it; its extractor has a setting ``device``.

    ``pip install --no-deps pytorchradiomics==0.0.5``.
    """
    from torchradiomics import inject_torch_radiomics, restore_radiomics

    logging.getLogger("torchradiomics").setLevel(logging.CRITICAL)

    def run() -> Any:
        inject_torch_radiomics()
        try:
            return call()
        finally:
            restore_radiomics()

    return run


def torch_device() -> str:
    """Where PyTorchRadiomics computes here."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def flash_maps(case: Case, features: dict[str, list[str]], radius: int, backend: str = "cpu") -> Call:
    """flash-radiomics' maps, on one thread or on the GPU, without the HDF5 file that it would write.

    A new extractor each time: it keeps pre-processed cases.
    """
    from flash_radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("flash_radiomics").setLevel(logging.CRITICAL)
    image, mask = map(to_itk, case)

    def call() -> Any:
        extractor = RadiomicsFeatureExtractor(
            backend=backend, num_threads=1, binWidth=BIN_WIDTH, kernelRadius=radius, additionalInfo=False
        )
        extractor.disableAllFeatures()
        extractor.enableFeaturesByName(**features)
        ready = extractor.preprocess_case(sitk.Image(image), sitk.Image(mask), label=1, spatialMode=True)
        return extractor.extract_from_preprocessed(ready)

    return call


def has(*modules: str) -> bool:
    """Whether a peer is installed, with what it imports and does not ask for: ``has(*FLASH)``."""
    return all(importlib.util.find_spec(module) is not None for module in modules)


def every(families: Sequence[str] = FAMILIES) -> dict[str, list[str]]:
    """All features of the texture classes, as ``featureClass`` takes them."""
    return {family: [] for family in families}

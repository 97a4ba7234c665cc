"""A drop-in for PyRadiomics: the same extractor and feature classes, the same keys and types, our kernels.

>>> from radstore.compat import RadiomicsFeatureExtractor  # instead of radiomics.featureextractor
>>> extractor = RadiomicsFeatureExtractor("params.yaml")         # doctest: +SKIP
>>> features = extractor.execute("ct.nii.gz", "mask.nii.gz")     # doctest: +SKIP

PyRadiomics' other public names are here too: ``from radstore.compat import featureextractor, glcm``. Programs
that cannot be changed run as they are:

    python -m radstore.compat script.py …        # `import radiomics` in it finds our kernels
    python -m radstore.compat -m pytest tests
    python -m radstore.compat $(which pyradiomics) ct.nii.gz mask.nii.gz

The classes are PyRadiomics' own with the computation replaced, so parameter files, settings, diagnostics,
errors, logging and the order of the results are the library's.
"""

from radiomics import (
    generalinfo,
    getImageTypes,
    getParameterValidationFiles,
    getProgressReporter,
    getTestCase,
    imageoperations,
    logger,
    setVerbosity,
    testCases,
)

from radstore.compat import classes, featureextractor
from radstore.compat.classes import (
    RadiomicsFirstOrder,
    RadiomicsGLCM,
    RadiomicsGLDM,
    RadiomicsGLRLM,
    RadiomicsGLSZM,
    RadiomicsNGTDM,
    RadiomicsShape,
    RadiomicsShape2D,
    getFeatureClasses,
)
from radstore.compat.featureextractor import RadiomicsFeatureExtractor
from radstore.compat.install import install

# PyRadiomics has a module for each class; ours stand together in one.
firstorder = glcm = gldm = glrlm = glszm = ngtdm = shape = shape2D = classes

__all__ = [
    "RadiomicsFeatureExtractor",
    "RadiomicsFirstOrder",
    "RadiomicsGLCM",
    "RadiomicsGLDM",
    "RadiomicsGLRLM",
    "RadiomicsGLSZM",
    "RadiomicsNGTDM",
    "RadiomicsShape",
    "RadiomicsShape2D",
    "featureextractor",
    "firstorder",
    "generalinfo",
    "getFeatureClasses",
    "getImageTypes",
    "getParameterValidationFiles",
    "getProgressReporter",
    "getTestCase",
    "glcm",
    "gldm",
    "glrlm",
    "glszm",
    "imageoperations",
    "install",
    "logger",
    "ngtdm",
    "setVerbosity",
    "shape",
    "shape2D",
    "testCases",
]

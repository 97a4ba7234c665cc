"""PyRadiomics behind one door: quiet, one user at a time, everything it changes put back.

The library logs to stderr, lets NumPy's warnings through, and its preprocessing obeys two process-wide
tolerances of SimpleITK. All of that is process state, so `library` holds a lock: threads take turns
(its C code keeps the interpreter lock anyway; to use several cores, use several processes).
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import SimpleITK as sitk

with warnings.catch_warnings():
    # its dependencies warn while they are imported (old escapes, deprecated packaging modules)
    warnings.simplefilter("ignore")
    import radiomics
    from radiomics import imageoperations

__all__ = ["FEATURE_CLASSES", "VERSION", "imageoperations", "library", "one_thread"]

VERSION: str = radiomics.__version__.removeprefix("v")
FEATURE_CLASSES = radiomics.getFeatureClasses()

# Whether a mask fits its image is decided when the region is read, with the spec's own geometryTolerance;
# what was accepted there must not fail here, so ITK's second opinion is given this much room (in voxels).
_TOLERANCE = 1e3

_lock = threading.RLock()
_logger = logging.getLogger("radiomics")


class _Capture(logging.Handler):
    """Keeps the messages instead of printing them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def library() -> Iterator[list[str]]:
    """Use PyRadiomics: silent and alone in the process.

    Yields
    ------
    list of str
        The warnings and errors that the library logs, as they come.
    """
    with _lock, _tolerance(), _log() as messages, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield messages


@contextmanager
def _log() -> Iterator[list[str]]:
    capture = _Capture()
    handlers, propagate = _logger.handlers, _logger.propagate
    _logger.handlers, _logger.propagate = [capture], False
    try:
        yield capture.messages
    finally:
        _logger.handlers, _logger.propagate = handlers, propagate


@contextmanager
def _tolerance() -> Iterator[None]:
    process = sitk.ProcessObject
    coordinate = process.GetGlobalDefaultCoordinateTolerance()
    direction = process.GetGlobalDefaultDirectionTolerance()
    process.SetGlobalDefaultCoordinateTolerance(_TOLERANCE)
    process.SetGlobalDefaultDirectionTolerance(_TOLERANCE)
    try:
        yield
    finally:
        process.SetGlobalDefaultCoordinateTolerance(coordinate)
        process.SetGlobalDefaultDirectionTolerance(direction)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let ITK's filters use one thread, for those whose sums depend on how many share the work."""
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)

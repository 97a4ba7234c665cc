"""The engines ``cpu`` and ``cuda``: one walk through the graph on plain arrays, PyRadiomics' numbers.

prepare     window → normalise → resample or crop → check → resegment, on as little of the image as is needed
check       when a region cannot be used
plan        which filters and which feature classes on their images, the same for every case
walk        filtered images, each once; feature classes on them, each once
place       where arrays live and how much of them: the processor, or one CUDA device
engine      `Cpu` and `Cuda`
memory      what a case takes, from its header alone
versions    the algorithm version of every operation
"""

from radstore.engines.native.engine import Cpu, Cuda

__all__ = ["Cpu", "Cuda"]

"""The engine ``cpu``: our own texture kernels on the processor, PyRadiomics' numbers, many times faster.

Pre-processing, filters and shape are the reference engine's; firstorder, glcm, glrlm, glszm, gldm and ngtdm
are computed by `radstore.texture`.
"""

from radstore.engines.cpu.engine import Cpu

__all__ = ["Cpu"]

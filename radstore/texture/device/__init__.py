"""The texture kernels on a CUDA device: the sibling of the compiled module `_native`, for CuPy arrays.

The functions have the names, arguments and results of `_native`'s, but that the levels come as a `Grid`, and
that `threads` and `rolling` mean nothing. This package decides how a call is spread over blocks and memory;
what a block does stands in ``kernels/windows.cuh`` and the .cu files beside it.
"""

from radstore.texture.device.grid import Grid
from radstore.texture.device.launch import VARIANTS
from radstore.texture.device.matrices import glcm, glrlm
from radstore.texture.device.voxels import firstorder, gldm, glszm, ngtdm

__all__ = ["VARIANTS", "Grid", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"]

"""PyRadiomics' filters as array code: NumPy in, NumPy out; CuPy in, CuPy out."""

from radstore.images.filters.dispatch import FILTERS, POINTWISE, apply, margin, reads
from radstore.images.filters.pointwise import largest_of

__all__ = ["FILTERS", "POINTWISE", "apply", "largest_of", "margin", "reads"]

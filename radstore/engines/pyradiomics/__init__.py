"""The reference engine: PyRadiomics itself, asked for exactly the nodes of a graph.

library     the one door to PyRadiomics and to what it changes in the process
preprocess  window → normalise → resample or crop → check → resegment
filters     filtered images, each computed once
features    feature classes on one filtered image, globally or voxel by voxel
engine      the walk through the graph
"""

from radstore.engines.pyradiomics.engine import PyRadiomics

__all__ = ["PyRadiomics"]

"""Samples: a case's CT, maps, region and labels on the network's grid, made once and kept in the store.

sample       the record, and the store's block of it
make         one case → sample: the one code path of training and prediction
  preparation  what nnU-Net's plans say of it
  frame        which part of the CT, on which grid
  interpolate  maps and masks from one grid onto another
  labels       the plan's labels, and where they are
materialise  all cases → training blocks in the store
  job          what is done to each, and the keys that follow
  work         one case, in a process of its own
  needs        how many processes fit into memory
"""

from fusion.samples.make import make_sample
from fusion.samples.materialise import Materialised, forget, materialise
from fusion.samples.sample import Sample

__all__ = ["Materialised", "Sample", "forget", "make_sample", "materialise"]

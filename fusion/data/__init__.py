"""Training blocks as nnU-Net reads them: the view, the dataset, lazy boxes of memory-mapped shards."""

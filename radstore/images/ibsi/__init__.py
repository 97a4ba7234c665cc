"""Image processing as the image biomarker standardisation initiative (IBSI) defines it."""

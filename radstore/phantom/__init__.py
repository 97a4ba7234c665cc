"""A synthetic, PANORAMA-like cohort: abdominal CTs in small, with vessels, pancreas, ducts and a mass.

Every voxel follows from the seed and the running number of patient and case alone. Every case has a mass in
its pancreas, drawn from the same law of place, size and attenuation; in PDAC cases it has label 1 and a
texture with a longer correlation, in the others the label of the parenchyma (4). So nothing but texture
tells a PDAC; with ``signal: off`` nothing does. Values and their sources stand in
`radstore.phantom.template`, `radstore.phantom.sizes` and `radstore.phantom.grids`.

    cohort    the catalog's driver: arguments, cases
    people    patients, studies, table rows
    template  the numbers: places, HU
    sizes     the numbers that differ between a miniature and PANORAMA's sizes
    grids     PANORAMA's slice distances, pixels and extents
    anatomy   one patient, drawn from the template
    scan      one CT of that patient: painted on a
    canvas      picture of HU and labels, with
    texture     random fields
    home      the folder of the files
"""

from radstore.phantom.cohort import cases

__all__ = ["cases"]

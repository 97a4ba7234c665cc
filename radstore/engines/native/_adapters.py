"""Stand-ins that go through SimpleITK and PyRadiomics, until the array code is there."""

from __future__ import annotations

import numpy as np


def array_module(a):
    return np


def to_host(a):
    return np.asarray(a)


def resample(image, geometry, target, interpolator):
    import SimpleITK as sitk

    from radstore.images.itk import to_itk
    from radstore.images.volume import Volume

    rif = sitk.ResampleImageFilter()
    rif.SetSize(target.size)
    rif.SetOutputSpacing(target.spacing)
    rif.SetOutputOrigin(target.origin)
    rif.SetOutputDirection(target.direction)
    rif.SetInterpolator(getattr(sitk, interpolator))
    return sitk.GetArrayFromImage(rif.Execute(to_itk(Volume(image, geometry))))


def margin(op, settings, spacing):
    if op == "gradient":
        return (1, 1, 1)
    return None


def apply(op, image, spacing, settings, mask=None, threads=1):
    import SimpleITK as sitk

    from radstore.engines.pyradiomics.filters import filtered_images
    from radstore.engines.pyradiomics.library import library
    from radstore.graph import Node

    settings = {k: v for k, v in settings.items() if k != "peak"}
    node = Node(op, tuple(settings.items()))
    xp = array_module(image)
    image, mask = to_host(image), None if mask is None else to_host(mask)
    im = sitk.GetImageFromArray(image)
    im.SetSpacing(spacing)
    ma = None
    if mask is not None:
        ma = sitk.GetImageFromArray(np.asarray(mask, np.uint8))
        ma.SetSpacing(spacing)
    with library() as log:
        out = {
            n.settings.get("band", ""): sitk.GetArrayFromImage(i) for n, i in filtered_images(node, im, ma)
        }
    if not out:
        raise ValueError("; ".join(log) or "no such filtered image")
    return {k: xp.asarray(v) for k, v in out.items()}

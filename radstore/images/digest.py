"""The digest of an image: what of its content later numbers depend on."""

from __future__ import annotations

from radstore.canonical import digest_of_array
from radstore.images.volume import Volume


def volume_digest(volume: Volume) -> str:
    """sha256 (hex) of the voxels, their type and their grid; not of the file, its name or its compression.

    The type counts: PyRadiomics rounds a resampled int16 image where it keeps a float32 one.
    """
    return digest_of_array(volume.array, volume.geometry.to_json())

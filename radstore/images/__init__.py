"""Images: the `Volume` every other part works on, how files become one, and what is done to it."""

from radstore.images.volume import Geometry, Volume

__all__ = ["Geometry", "Volume"]

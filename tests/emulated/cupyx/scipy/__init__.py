"""A stand-in for ``cupyx.scipy`` in tests."""

"""A stand-in for ``cupyx`` in tests."""

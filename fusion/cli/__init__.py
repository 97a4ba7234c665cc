"""The command line of `fusion`; each verb mirrors a function of the package."""

from fusion.cli.main import main

__all__ = ["main"]

"""The spec: from a YAML file to which numbers are wanted, with which settings, checked and frozen."""

from radstore.spec.columns import Column
from radstore.spec.model import Spec
from radstore.spec.parse import load_spec
from radstore.spec.settings import Settings

__all__ = ["Column", "Settings", "Spec", "load_spec"]

"""The catalog: which cases there are, where their files lie, and what a table says of them."""

from radstore.catalog.catalog import Catalog
from radstore.catalog.load import load_catalog
from radstore.catalog.model import Case, Kept, Region, Source, is_implicit_region

__all__ = ["Case", "Catalog", "Kept", "Region", "Source", "is_implicit_region", "load_catalog"]

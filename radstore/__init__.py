"""radstore: a feature store for medical-imaging radiomics.

CTs and masks in, versioned Zarr out, queried in xarray:

>>> import radstore
>>> radstore.build.build("selected.yaml", catalog="catalog.yaml")   # doctest: +SKIP
>>> rs = radstore.open("./store")                                   # doctest: +SKIP
>>> rs.features                                                     # doctest: +SKIP

What is not listed in ``__all__`` is private. Names are imported when first used, so that
``import radstore`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from radstore import build as build
    from radstore import extract as extract
    from radstore import perturb as perturb
    from radstore import select as select
    from radstore import split as split
    from radstore.catalog import Case as Case
    from radstore.catalog import Catalog as Catalog
    from radstore.catalog import load_catalog as load_catalog
    from radstore.spec import Spec as Spec
    from radstore.spec import load_spec as load_spec
    from radstore.store.admin import diff as diff
    from radstore.store.admin import expire as expire
    from radstore.store.admin import gc as gc
    from radstore.store.admin import log as log
    from radstore.store.admin import status as status
    from radstore.store.admin import tag as tag
    from radstore.store.admin import verify as verify
    from radstore.store.query import open_store

    open = open_store

_PUBLIC = {
    "Case": "radstore.catalog",
    "Catalog": "radstore.catalog",
    "Spec": "radstore.spec",
    "diff": "radstore.store.admin",
    "expire": "radstore.store.admin",
    "gc": "radstore.store.admin",
    "load_catalog": "radstore.catalog",
    "load_spec": "radstore.spec",
    "log": "radstore.store.admin",
    "open": "radstore.store.query",
    "status": "radstore.store.admin",
    "tag": "radstore.store.admin",
    "verify": "radstore.store.admin",
}
_MODULES = ("build", "extract", "perturb", "select", "split")

__all__ = ["__version__", *_MODULES, *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"radstore.{name}")
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), "open_store" if name == "open" else name)
    raise AttributeError(f"module 'radstore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

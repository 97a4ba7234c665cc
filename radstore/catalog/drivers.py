"""The drivers: ways of finding cases.

To add one, write a module with

    ARGUMENTS = ("folder", "suffix")        # what may stand under `args`

    def cases(name, args, regions, folder):  # source name, args, name → Region, the catalog's folder
        ...                                  # a list of Case, or a Found with notes

and name it here. A driver raises `CatalogError` where nothing can be found, and gives a case that cannot be
used a problem (`Case.refused`), so that the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from radstore.catalog.model import Found, Source

# Name in catalog.yaml → module; imported only where a source uses it.
DRIVERS: Mapping[str, str] = {
    "files": "radstore.catalog.files",
    "phantom": "radstore.phantom.cohort",
}


def arguments(driver: str) -> tuple[str, ...]:
    """What may stand under the ``args`` of a source with this driver."""
    return tuple(import_module(DRIVERS[driver]).ARGUMENTS)


def find(source: Source, folder: Path) -> Found:
    """Run a source's driver.

    Raises
    ------
    CatalogError
        If the source as a whole cannot be used.
    """
    found = import_module(DRIVERS[source.driver]).cases(source.name, source.args, source.regions, folder)
    return found if isinstance(found, Found) else Found(found)

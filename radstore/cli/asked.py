"""What `check`, `build` and `perturb` are asked alike: which numbers, of which cases, computed by whom."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate

from radstore.cli import options


@dataclass(frozen=True)
class Asked:
    """Each field is an option of every such verb, and what its function in Python calls it."""

    features: options.Features
    catalog: options.CatalogFile = options.DEFAULT_CATALOG
    store: options.CatalogsStore = None
    source: options.Source = None
    cases: options.Cases = None
    engine: options.Engine = options.DEFAULT_ENGINE
    region: options.Region = None
    settings: options.Set = None

    def arguments(self) -> dict[str, Any]:
        """For the function that does it; what was typed wrongly is refused here."""
        return {
            **vars(self),
            "catalog": options.catalog_file(self.catalog),
            "store": options.given_store(self.store),
            "cases": options.case_list(self.cases),
            "settings": self.settings or (),
        }


def asking(verb: Callable[Concatenate[Asked, ...], int]) -> Callable[..., int]:
    """The verb as Typer wants it: the fields of `Asked` are parameters, in front of its own."""
    shared = inspect.signature(Asked, eval_str=True).parameters
    _, *own = inspect.signature(verb, eval_str=True).parameters.values()

    @wraps(verb)
    def run(**given: Any) -> int:
        asked = Asked(**{name: given.pop(name) for name in shared})
        return verb(asked, **given)

    parameters = [*shared.values(), *own]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run

"""Which engines there are, and which one computes.

To add an engine: a module with a class that fulfils `radstore.engines.base.Engine` and can be made without
arguments, and a line in `ENGINES`.
"""

from __future__ import annotations

from importlib import import_module

from radstore.engines.base import Engine
from radstore.engines.results import by_reason
from radstore.errors import EngineError
from radstore.graph import Graph
from radstore.suggest import suggest

# Name → where its class is; imported only when chosen. In the order in which `auto` prefers them.
ENGINES = {
    "cuda": "radstore.engines.native:Cuda",
    "cpu": "radstore.engines.native:Cpu",
    "pyradiomics": "radstore.engines.pyradiomics:PyRadiomics",
}
# Engines that compute on a CUDA device → the sibling that gives the same keys without one: whoever plans
# or decodes needs an engine's versions, refusals and estimates, but no card.
ON_GPU = {"cuda": "cpu"}
AUTO = "auto"
OK = "ok"


def choose(name: str = AUTO) -> tuple[Engine, str]:
    """The engine to use, and one sentence that says why.

    Parameters
    ----------
    name
        One of `ENGINES`, or ``auto``: the first of them that works here.

    Raises
    ------
    EngineError
        If there is no engine of that name, or it does not work on this machine.
    """
    if name == AUTO:
        return _first()
    if name not in ENGINES:
        raise EngineError(f"there is no engine {name!r}", suggest(name, [AUTO, *ENGINES]))
    try:
        return _make(name), f"engine {name}: as asked"
    except (ImportError, EngineError) as error:
        working = ", ".join(n for n, state in available().items() if state == OK) or "none"
        remedy = f"{error.remedy} " if isinstance(error, EngineError) and error.remedy else ""
        raise EngineError(
            f"engine {name} does not work here: {_short(error)}",
            f"{remedy}Or use another; those that work: {working}.",
        ) from error


def available() -> dict[str, str]:
    """Engine name → ``ok``, or why it does not work on this machine."""
    states = {}
    for name in ENGINES:
        try:
            _make(name)
            states[name] = OK
        except (ImportError, EngineError) as error:
            states[name] = _short(error)
    return states


def require(engine: Engine, graph: Graph) -> None:
    """Make sure that an engine can compute all of a graph.

    Raises
    ------
    EngineError
        Naming what it refuses and why.
    """
    refused = engine.refusals(graph)
    if not refused:
        return
    raise EngineError(
        f"engine {engine.name} cannot compute {len(refused):,} of {len(graph.features):,} features: "
        + "; ".join(by_reason(refused)),
        "Take them out of the spec, or do as said above.",
    )


def _first() -> tuple[Engine, str]:
    """The first that works; those behind it are not even imported."""
    broken: dict[str, str] = {}
    for name in ENGINES:
        try:
            engine = _make(name)
        except (ImportError, EngineError) as error:
            broken[name] = _short(error)
            continue
        return engine, _why(name, engine, broken)
    raise EngineError(f"no engine works here ({_told(broken)})", "Reinstall radstore: pip install radstore.")


def _why(name: str, engine: Engine, broken: dict[str, str]) -> str:
    """One sentence on why `auto` chose an engine, and why not those it prefers."""
    slower = list(ENGINES)[list(ENGINES).index(name) + 1 :]
    where = f" on {engine.device}" if engine.device != name else ""
    before = f", before {', '.join(slower)}" if slower else ""
    instead = f" ({_told(broken)})" if broken else ""
    return f"engine {name}{where}: the fastest that works here{before}{instead}"


def _told(broken: dict[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in broken.items())


def _make(name: str) -> Engine:
    module, _, class_name = ENGINES[name].partition(":")
    engine: Engine = getattr(import_module(module), class_name)()
    return engine


def _short(error: Exception) -> str:
    return error.message if isinstance(error, EngineError) else " ".join(str(error).split())

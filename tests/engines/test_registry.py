from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from radstore.engines import registry
from radstore.errors import EngineError
from radstore.spec import Spec


class Refusing:
    """An engine that can do one thing."""

    name = "refusing"
    device = "somewhere"

    def refusals(self, graph):
        return {name: "too hard; ask for less" for name in graph.names if "glcm" in name}


class Broken:
    def __init__(self):
        raise EngineError("no card in this machine")


@pytest.fixture
def engines(monkeypatch):
    """The registry with other siblings before the one there is."""

    def put(**before):
        monkeypatch.setattr(registry, "ENGINES", {**before, **registry.ENGINES})

    return put


def test_every_registered_engine_is_what_it_says():
    for name, state in registry.available().items():
        if state == registry.OK:
            engine, reason = registry.choose(name)
            assert engine.name == name
            assert reason == f"engine {name}: as asked"


def test_auto_takes_the_processor_where_cupy_is_missing_and_says_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    engine, reason = registry.choose()
    assert engine.name == "cpu"
    assert (
        reason == "engine cpu: the fastest that works here, before pyradiomics (cuda: CuPy is not installed)"
    )


def test_cuda_without_cupy_is_an_error_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(EngineError, match="engine cuda does not work here: CuPy is not installed") as caught:
        registry.choose("cuda")
    assert "pip install 'radstore[cuda13]'" in caught.value.remedy
    assert "cpu, pyradiomics" in caught.value.remedy


def test_auto_imports_no_engine_behind_the_one_it_takes():
    code = "import radstore.engines.registry as r; r.choose(); import sys; print('radiomics' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_auto_takes_the_first_that_works(engines):
    engines(card=f"{__name__}:Broken", absent="no.such.module:Engine", quick=f"{__name__}:Refusing")
    sys.modules.setdefault(__name__, sys.modules[Refusing.__module__])
    engine, reason = registry.choose("auto")
    assert type(engine).__name__ == "Refusing"
    assert reason.startswith(
        "engine quick on somewhere: the fastest that works here, before cuda, cpu, pyradiomics (card: no card"
    )
    states = registry.available()
    assert states["card"] == "no card in this machine"
    assert "no" in states["absent"]
    assert states["pyradiomics"] == registry.OK


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(EngineError, match="no engine 'pyradiomic'") as caught:
        registry.choose("pyradiomic")
    assert "Did you mean 'pyradiomics'?" in caught.value.remedy
    assert "auto, cuda, cpu, pyradiomics" in caught.value.remedy


def test_an_engine_that_does_not_work_here_is_told_with_those_that_do(engines):
    engines(card="no.such.module:Engine")
    with pytest.raises(EngineError, match="engine card does not work here") as caught:
        registry.choose("card")
    assert "pyradiomics" in caught.value.remedy


def test_nothing_works(monkeypatch):
    monkeypatch.setattr(registry, "ENGINES", {"card": "no.such.module:Engine"})
    with pytest.raises(EngineError, match="no engine works here"):
        registry.choose()


def test_require_names_each_reason_once():
    names = [f"original_glcm_{f}" for f in ("Imc1", "Imc2", "Contrast", "Id")]
    graph = Spec.from_dict({"features": ["original_firstorder_Mean", *names]}).graph("roi")
    registry.require(Refusing(), graph.only(["original_firstorder_Mean"]))
    with pytest.raises(EngineError) as caught:
        registry.require(Refusing(), graph)
    assert "4 of 5 features" in caught.value.message
    assert caught.value.message.count("too hard") == 1
    assert "and 1 more" in caught.value.message


def test_the_registry_imports_no_engine():
    code = (
        "import sys, radstore.engines.registry; print('radiomics' in sys.modules, 'SimpleITK' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_an_engine_travels_to_a_worker():
    engine, _ = registry.choose("pyradiomics")
    assert pickle.loads(pickle.dumps(engine)).family == engine.family

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import radstore
from radstore.cli import exits


@pytest.fixture
def data(site: Path) -> Path:
    """Images, masks and a table, without a catalog."""
    (site / "catalog.yaml").unlink()
    return site


def test_init_check_build(run: Any, data: Path, scheduler: str) -> None:
    """From a folder of files to a store with what was written, unedited."""
    result = run("init", ".")
    assert (result.code, result.err) == (exits.OK, "")
    text = (data / "catalog.yaml").read_text()
    assert result.out.startswith(text)
    assert "{{ CATALOG_DIR }}/images/{case}.nii.gz" in text
    assert "written: catalog.yaml" in result.out
    assert "radstore check --features selected.yaml\n" in result.out
    options = ("-f", "tiny.yaml", "--region", "label-1")
    check = run("check", *options, "--sample", "0")
    assert check.code == exits.OK
    assert "4 cases: 0 up to date, 4 to do" in check.out
    built = run("build", *options, "--cases", "P1_1", "--scheduler", scheduler)
    assert built.code == exits.OK
    assert radstore.open("store").case("P1_1").info["patient"] == "P1"


def test_init_says_what_to_type_next(run: Any, data: Path) -> None:
    result = run("init", data, "--catalog", "new/mine.yaml")
    assert (data / "new" / "mine.yaml").is_file()
    assert f'"{data}/images/{{case}}.nii.gz"' in (data / "new" / "mine.yaml").read_text()
    assert result.out.endswith("radstore check --features selected.yaml --catalog new/mine.yaml\n")


def test_init_replaces_nothing_unless_told(run: Any, data: Path) -> None:
    (data / "catalog.yaml").write_text("mine")
    result = run("init", ".")
    assert result.code == exits.BAD_INPUT
    assert "catalog.yaml is there already" in result.err
    assert (data / "catalog.yaml").read_text() == "mine"
    assert run("init", ".", "--force").code == exits.OK
    assert "sources:" in (data / "catalog.yaml").read_text()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["none"], "none is no folder"),
        (["tiny.yaml"], "tiny.yaml is no folder"),
        (["empty"], "no image with its mask was recognised below"),
        ([".", "--catalog", "/proc/none/c.yaml"], "/proc/none/c.yaml cannot be written"),
        ([".", "--catalog", "tiny.yaml/c.yaml"], "tiny.yaml/c.yaml cannot be written"),
    ],
)
def test_init_bad_input(run: Any, data: Path, argv: list[str], said: str) -> None:
    (data / "empty").mkdir()
    before = sorted(data.rglob("*"))
    result = run("init", *argv)
    assert (result.code, result.out) == (exits.BAD_INPUT, "")
    assert said in result.err
    assert "\n  → " in result.err
    assert sorted(data.rglob("*")) == before


def test_init_in_a_folder_one_may_not_write_to(run: Any, data: Path, monkeypatch: Any) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)  # permissions would not stop a root user
    result = run("init", ".")
    assert result.code == exits.BAD_INPUT
    assert "cannot be written: Permission denied" in result.err


def test_doctor(run: Any) -> None:
    result = run("doctor")
    assert (result.code, result.err) == (exits.OK, "")
    assert result.out.startswith(f"radstore {radstore.__version__}, Python 3.")
    assert "GB of memory free" in result.out
    lines = [line.split() for line in result.out.splitlines()]
    assert ["pyradiomics", "ok"] in lines
    assert "SimpleITK" in [line[0] for line in lines if line]


def test_doctor_names_what_is_missing_and_why_an_engine_does_not_work(run: Any, monkeypatch: Any) -> None:
    from radstore.engines import registry

    monkeypatch.setitem(registry.ENGINES, "quantum", "radstore.no_such_module:Quantum")
    monkeypatch.setattr("radstore.doctor.PACKAGES", {"no-such-package": "nothing"})
    out = run("doctor").out
    assert "no-such-package  not installed  nothing" in out
    assert "quantum      No module named 'radstore.no_such_module'" in out


def test_doctor_lists_gpus_or_says_why_there_is_none(run: Any, monkeypatch: Any) -> None:
    from radstore.build import devices
    from radstore.errors import EngineError

    def none() -> Any:
        raise EngineError("no CUDA device can be used here: no driver", "Install one.")

    monkeypatch.setattr(devices, "visible", none)
    assert "no GPU: no CUDA device can be used here: no driver\n  → Install one." in run("doctor").out
    card = devices.Device(0, "Card", 80 * 10**9, "GPU-77")
    monkeypatch.setattr(devices, "visible", lambda: (card,))
    out = run("doctor").out
    assert "cuda:0 Card  80 GB   GPU-77" in out
    assert run("doctor", "--json").json["gpus"] == [
        {"id": 0, "name": "Card", "memory": 80 * 10**9, "visible": "GPU-77"}
    ]


def test_doctor_json(run: Any) -> None:
    record = run("doctor", "--json").json
    assert set(record) == {
        *("radstore", "python", "platform", "cores", "free_memory_gb", "free_disk_gb"),
        *("packages", "engines", "gpus", "no_gpu"),
    }
    assert record["engines"]["pyradiomics"] == "ok"
    assert all(set(package) == {"name", "version", "purpose"} for package in record["packages"])

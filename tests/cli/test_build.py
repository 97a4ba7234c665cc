from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import radstore
from radstore.build.run import Tally
from radstore.cli import exits
from radstore.store import admin


@pytest.fixture
def build(run: Any, site: Path, scheduler: str) -> Any:
    """Run ``radstore build`` with the site's spec on the shared worker."""

    def do(*options: object, features: str = "tiny.yaml") -> Any:
        return run("build", "--features", features, "--scheduler", scheduler, *options)

    return do


def test_a_build_says_what_it_does_and_then_does_nothing(build: Any, site: Path) -> None:
    first = build("--cases", "P1_1,P2_1", "--message", "why not")
    assert first.code == exits.OK
    assert first.out == "2 cases done: 10 features and maps computed\n./store is at version 1\n"
    said = first.err.splitlines()
    assert said[0].startswith("tiny@organ: 3 features, 2 maps (spec ")
    assert said[1].startswith("engine cpu: ")
    assert "2 cases: 0 up to date, 2 to do" in said
    assert "committed version 1 (2 cases)" in said
    assert [version.message for version in admin.log(site / "store")] == ["why not"]
    again = build("--cases", "P1_1,P2_1")
    assert again.code == exits.OK
    assert again.out == "nothing to compute, nothing to commit: ./store stays at version 1\n"
    assert "2 cases: 2 up to date, 0 to do" in again.err


def test_a_failed_case_is_told_and_the_others_are_done(build: Any, site: Path) -> None:
    result = build()
    assert result.code == exits.SOME_FAILED
    assert result.out.startswith("3 cases done, 1 failed: 15 features and maps computed\n")
    assert "failed   P3_1 (region): region 'organ': no voxel of" in result.err
    assert "         → " in result.err
    again = build()
    assert again.code == exits.SOME_FAILED
    assert "1 failed before (--retry-failed tries them again)" in again.err
    assert "failed   P3_1" in again.err
    retried = build("--retry-failed")
    assert "4 cases: 3 up to date, 1 to do" in retried.err
    assert retried.out == "nothing new to commit: ./store stays at version 1\n"
    assert radstore.open(site / "store").version.number == 1


def test_json_of_a_build(build: Any, site: Path) -> None:
    record = build("--json").json
    assert set(record) == {
        *("store", "view", "spec_hash", "engine", "engine_reason", "notes", "cases", "up_to_date", "todo"),
        *("failed_before", "version", "computed", "copied", "cases_done", "committed", "interrupted"),
        *("failed", "needs"),
    }
    assert (record["cases"], record["cases_done"], record["computed"], record["copied"]) == (4, 3, 15, 0)
    assert (record["version"], record["committed"], record["interrupted"]) == (1, [1], False)
    assert record["store"] == str(site / "store")
    assert set(record["failed"]["P3_1"]) == {"step", "message", "remedy"}
    again = build("--json").json
    assert (again["up_to_date"], again["todo"], again["committed"], again["needs"]) == (3, [], [], None)
    assert again["failed_before"] == record["failed"]


def test_a_dry_run_changes_nothing(build: Any, site: Path) -> None:
    before = sorted(site.rglob("*"))
    result = build("--dry-run")
    assert result.code == exits.OK
    assert result.out.splitlines() == [
        "dry run: 4 cases would be worked on; nothing was changed",
        *("  P1_1", "  P1_2", "  P2_1", "  P3_1"),
    ]
    assert sorted(site.rglob("*")) == before
    assert build("--dry-run", "--json").json["version"] is None


def test_a_dry_run_of_what_is_done(build: Any) -> None:
    build("--limit", "1")
    assert build("--limit", "1", "--dry-run").out == "dry run: nothing to compute; nothing was changed\n"


def test_the_specs_settings_region_and_another_store(build: Any, site: Path) -> None:
    result = build(
        *("--limit", "1", "--region", "label-2", "--store", "elsewhere", "--source", "tiny"),
        *("--set", "maps=false", "--set", "setting.binWidth=10", "--engine", "pyradiomics"),
    )
    assert result.code == exits.OK
    assert "tiny@label-2: 3 features, no maps" in result.err
    assert "engine pyradiomics: as asked" in result.err
    assert "1 case done: 3 features computed" in result.out
    assert not (site / "store").exists()
    version = radstore.open(site / "elsewhere").version
    assert version.build["spec"]["setting"]["binWidth"] == 10.0
    assert version.build["region"] == "label-2"


def test_only_what_a_new_spec_changes_is_computed(build: Any) -> None:
    build("--limit", "1")
    changed = build("--limit", "1", "--set", "setting.binWidth=10")
    assert changed.out.startswith("1 case done: 2 features and maps computed, 3 taken over from earlier")


def test_another_table_is_committed_without_computing(build: Any, site: Path) -> None:
    build("--limit", "1")
    (site / "table.csv").write_text((site / "table.csv").read_text().replace("061Y", "065Y"))
    changed = build("--limit", "1")
    assert changed.out.splitlines() == ["1 case got other table columns", "./store is at version 2"]
    assert radstore.open(site / "store").case("P1_1").info["age"] == 65


def test_rehash_reads_again(build: Any) -> None:
    build("--limit", "1")
    assert "1 up to date, 0 to do" in build("--limit", "1").err
    again = build("--limit", "1", "--rehash")
    assert "0 up to date, 1 to do" in again.err
    assert again.out == "nothing to compute, nothing to commit: ./store stays at version 1\n"


def test_notes_come_before_the_work(build: Any, site: Path) -> None:
    (site / "table.csv").write_text((site / "table.csv").read_text() + "P9_9,P9,,0\n")
    result = build("--limit", "1")
    assert result.err.index("note: tiny: 1 rows of table.csv have no image: P9_9") < result.err.index("to do")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-f", "nothere.yaml"], "nothere.yaml"),
        (["-f", "catalog.yaml"], "there is no key"),
        (
            ["-f", "tiny.yaml", "-c", "nothere.yaml"],
            "no nothere.yaml there\n  → Write one with `radstore init",
        ),
        (["-f", "tiny.yaml", "-c", "tiny.yaml"], "unknown key 'features'"),
        (["-f", "tiny.yaml", "--source", "tin"], "Did you mean 'tiny'?"),
        (["-f", "tiny.yaml", "--cases", "P1_1,P1_3"], "has no case 'P1_3'"),
        (["-f", "tiny.yaml", "--cases", ""], "--cases '' names no case"),
        (["-f", "tiny.yaml", "--cases", " , "], "names no case"),
        (["-f", "tiny.yaml", "--engine", "gpu"], "there is no engine 'gpu'"),
        (
            ["-f", "tiny.yaml", "--engine", "cpu", "--gpus", "0"],
            "--gpus 0 beside engine cpu, which uses none",
        ),
        (["-f", "tiny.yaml", "--region", "orgn"], "Did you mean 'organ'?"),
        (["-f", "tiny.yaml", "--set", "binWidth=25"], "setting.binWidth"),
        (["-f", "tiny.yaml", "--set", "setting.binWidth"], "path=value"),
        (["-f", "tiny.yaml", "--set", "setting.binWidth=0"], "above 0"),
        (["-f", "tiny.yaml", "--scheduler", "nonsense://"], "no Dask scheduler answers at nonsense://"),
        (["-f", "tiny.yaml", "--store", "tiny.yaml"], "a file, not a folder"),
        (["-f", "tiny.yaml", "--store", "images"], "not a radstore"),
        (["-f", "tiny.yaml", "--store", ""], "--store '' names no store"),
        (["-f", "tiny.yaml", "--store", "/proc/nothing"], "cannot write here"),
        (["-f", "tiny.yaml", "--store", "ftp://host/path"], "s3://"),
        (["-f", "tiny.yaml", "--workers", "100000"], "not enough memory"),
    ],
)
def test_bad_input_changes_nothing(
    run: Any, site: Path, scheduler: str, monkeypatch: Any, options: list[str], said: str
) -> None:
    if "--workers" in options:
        monkeypatch.setattr("radstore.build.needs.free_memory", lambda: 10**6)
    elif "--scheduler" not in options:
        options = [*options, "--scheduler", scheduler]
    before = sorted(site.rglob("*"))
    result = run("build", *options)
    assert (result.code, result.out) == (exits.BAD_INPUT, "")
    assert said in result.err
    assert "\n  → " in result.err
    assert result.err.splitlines()[-1].endswith((".", "?"))
    assert "Traceback" not in result.err
    assert sorted(site.rglob("*")) == before


def test_without_a_catalog(run: Any, nowhere: Path) -> None:
    result = run("build", "-f", "x.yaml")
    assert result.code == exits.BAD_INPUT
    assert f"no catalog.yaml in {nowhere}" in result.err
    assert "radstore init FOLDER" in result.err
    assert not list(nowhere.iterdir())


def test_a_newer_store_is_left_alone(run: Any, copied: Path) -> None:
    (copied / "store" / "radstore.json").write_text('{"format": 99}')
    result = run("build", "-f", "tiny.yaml")
    assert result.code == exits.BAD_INPUT
    assert "store format 99" in result.err
    assert "Upgrade radstore" in result.err


def test_an_interrupted_build(build: Any, monkeypatch: Any) -> None:
    """What Ctrl-C leaves behind is the run's business; here: how it is told."""
    monkeypatch.setattr("radstore.build.api.run_plan", lambda *_, **__: Tally(interrupted=True))
    result = build()
    assert result.code == exits.INTERRUPTED
    assert "nothing was finished: ./store stays at version 0" in result.out
    assert "the same command goes on from there" in result.err


def read_terminal(terminal: int, until: Callable[[bytes], bool], patience: float = 60) -> bytes:
    """What a program writes to its terminal until something is true of it."""
    said, end = b"", time.monotonic() + patience
    os.set_blocking(terminal, False)
    while not until(said):
        assert time.monotonic() < end, said.decode()
        with contextlib.suppress(BlockingIOError, OSError):  # nothing now; nobody at the other end
            said += os.read(terminal, 65536)
        time.sleep(0.02)
    return said


@pytest.mark.parametrize("presses", [1, 3])
def test_ctrl_c_on_a_terminal_is_quiet(site: Path, presses: int) -> None:
    """A real terminal, real workers, and an impatient user: no trace, no library's log, exit code 130."""
    main, user = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "radstore", "build", "-f", "tiny.yaml", "--workers", "1"],
        stdin=user,
        stdout=user,
        stderr=user,
        cwd=site,
        start_new_session=True,
    )
    os.close(user)
    said = read_terminal(main, lambda said: b"building" in said)
    for _ in range(presses):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
        time.sleep(0.2)
    said += read_terminal(main, lambda _: process.poll() is not None)
    said += read_terminal(main, lambda said: said == b"")  # what was left in the pipe
    os.close(main)
    assert process.returncode == exits.INTERRUPTED, said.decode()
    for noise in (b"Traceback", b"Warning", b"distributed"):
        assert noise not in said, said.decode()

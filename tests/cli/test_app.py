from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import radstore
from radstore.cli import app as module
from radstore.cli import exits, main

HEAVY = (
    *("torch", "cupy", "dask", "distributed", "SimpleITK", "radiomics", "skimage", "scipy"),
    *("zarr", "obstore", "xarray", "pandas", "matplotlib"),
)


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, groups too: words to type and the command."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from verbs(below, (*path, name))


VERBS = dict(verbs(get_command(module.app)))


def test_every_verb_is_there() -> None:
    listed = {path[0] for path in VERBS if path}
    assert listed == {
        *("init", "check", "build", "extract", "features", "ls", "show", "status", "log", "diff", "tag"),
        *("verify", "expire", "gc", "doctor", "export", "split", "perturb", "select"),
    }
    assert {("export", "features"), ("export", "maps")} <= set(VERBS)


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_documents_everything(run: Any, path: tuple[str, ...], flag: str) -> None:
    result = run(*path, flag)
    assert (result.code, result.err) == (exits.OK, "")
    for param in VERBS[path].params:
        assert param.help or param.name == "help", f"{param.name} has no help"
        for option in param.opts if param.param_type_name == "option" else [param.metavar]:
            assert option.strip("[]") in result.out


def test_summaries_are_not_cut_on_a_terminal_of_80_columns(run: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    for words in ([], ["export"]):
        out = run(*words, "--help").out
        assert "..." not in out.replace("[ARGS]...", "")
        assert max(map(len, out.splitlines())) <= 80


def test_every_option_that_two_verbs_share_means_the_same() -> None:
    seen: dict[str, tuple[str, ...]] = {}
    for command in VERBS.values():
        for param in command.params:
            if param.param_type_name == "option" and not param.is_eager:
                assert seen.setdefault(param.opts[0], tuple(param.opts)) == tuple(param.opts)


def test_version(run: Any) -> None:
    assert run("--version") == type(run("--version"))(exits.OK, f"{radstore.__version__}\n", "")


def test_no_verb_lists_them(run: Any) -> None:
    result = run()
    assert result.code in (exits.OK, exits.BAD_INPUT)  # which of them depends on typer's version
    assert "  build  " in result.out + result.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["buld"], "No such command 'buld'"),
        (["build"], "--features"),
        (["build", "--feature", "x.yaml"], "--features"),
        (["build", "-f", "x.yaml", "--lmit", "3"], "--limit"),
        (["build", "-f", "x.yaml", "--limit", "0"], "--limit"),
        (["build", "-f", "x.yaml", "--limit", "many"], "--limit"),
        (["build", "-f", "x.yaml", "--workers", "0"], "--workers"),
        (["extract", "ct.nii.gz"], "MASK"),
        (["extract", "ct.nii.gz", "m.nii.gz", "-f", "x.yaml", "--label", "0"], "--label"),
        (["ls", "much"], "much"),
        (["show"], "CASE"),
        (["gc", "--grace", "-1"], "--grace"),
        (["expire", "--keep", "0"], "--keep"),
        (["export", "tables"], "tables"),
    ],
)
def test_usage_errors(run: Any, nowhere: Path, argv: list[str], said: str) -> None:
    result = run(*argv)
    assert (result.code, result.out) == (exits.BAD_INPUT, "")
    assert said in result.err
    assert "Traceback" not in result.err
    assert not list(nowhere.iterdir())


def test_ctrl_c_outside_a_build(monkeypatch: Any, capsys: Any) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("radstore.texture.names.describe", interrupted)
    assert main(["features"]) == exits.INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


def test_a_bug_is_told_with_its_trace_and_a_code_of_its_own(monkeypatch: Any, capsys: Any) -> None:
    def broken() -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("radstore.texture.names.describe", broken)
    assert main(["features"]) == exits.BUG
    said = capsys.readouterr().err
    assert "ZeroDivisionError: of all things" in said
    assert "report" in said


@pytest.mark.parametrize("what", ["import radstore", "from radstore.cli import main; main(['--help'])"])
def test_light_imports(what: str) -> None:
    program = (
        f"import sys\n{what}\nprint(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []


def test_as_a_program(nowhere: Path) -> None:
    """Exit codes and streams as a shell sees them, through ``python -m`` too."""
    command = [sys.executable, "-m", "radstore", "ls", "--store", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (exits.BAD_INPUT, "")
    assert done.stderr.startswith("radstore: ")


def test_a_reader_that_goes_away_is_no_error() -> None:
    program = f"{sys.executable} -m radstore features | head -1"
    done = subprocess.run(program, shell=True, capture_output=True, text=True)
    assert (done.stdout.split()[0], done.stderr) == ("name", "")

"""What a long run says where there is no terminal; and that results stay where they belong."""

from __future__ import annotations

import io
import sys
import time

import pytest

from fusion.cli import progress
from fusion.cli.progress import Display
from radstore.cli import output


def test_a_line_now_and_then_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY", 0.02)
    with Display() as display:
        display.count(1, 3)
        display.doing("case [7], Stage 2")
        time.sleep(0.2)
    said = capsys.readouterr()
    assert "1/3 cases: case [7], Stage 2\n" in said.err
    assert said.out == ""
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_a_short_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Display() as display:
        display.count(1, 1)
        display.doing("case")
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def fresh_consoles() -> object:
    output.stdout.cache_clear()
    output.stderr.cache_clear()
    yield
    output.stdout.cache_clear()
    output.stderr.cache_clear()


@pytest.mark.usefixtures("fresh_consoles")
def test_results_that_go_to_a_file_go_there_while_a_terminal_shows_the_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, err = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    with Display() as display:
        display.count(2, 5)
        display.doing("case [7], Stage 2")
        output.say("a result")
        time.sleep(0.3)
    assert out.getvalue() == "a result\n"
    assert "2/5" in err.getvalue()
    assert "case [7], Stage 2" in err.getvalue()
    assert "a result" not in err.getvalue()

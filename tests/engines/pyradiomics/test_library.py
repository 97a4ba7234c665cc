from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.engines.pyradiomics.library import VERSION, library


def process_state():
    logger, process = logging.getLogger("radiomics"), sitk.ProcessObject
    return (
        list(logger.handlers),
        logger.propagate,
        process.GetGlobalDefaultCoordinateTolerance(),
        process.GetGlobalDefaultDirectionTolerance(),
        np.geterr(),
        list(warnings.filters),
    )


def test_everything_is_put_back_even_after_an_error():
    before = process_state()

    def fail_inside():
        with library():
            assert process_state() != before
            raise KeyError("inside")

    with pytest.raises(KeyError):
        fail_inside()
    assert process_state() == before


def test_warnings_do_not_leak_and_log_messages_are_kept(capfd, caplog):
    with library() as log:
        warnings.warn("a warning", DeprecationWarning, stacklevel=1)
        np.log(np.zeros(1))
        logging.getLogger("radiomics.imageoperations").warning("size %d", 3)
        logging.getLogger("radiomics").info("unimportant")
    assert log == ["size 3"]
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_threads_take_turns():
    inside = threading.Event()
    entered = []

    def other():
        with library():
            entered.append(inside.is_set())

    with library():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        inside.set()
    thread.join(5)
    assert entered == [True]


def test_the_version_is_a_number():
    assert VERSION[0].isdigit()


def test_engine_imports_without_a_warning():
    code = "import radstore.engines.pyradiomics as e; print(e.PyRadiomics().family)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"pyradiomics/{VERSION}"
    assert done.stderr == ""

"""What tests run in processes of their own: ``python programs.py VERB ARGUMENTS``.

Worker processes import this file too (they are spawned), so what it changes is changed in them as well.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import radstore.build.run
import radstore.build.work
from radstore.build import Progress, build
from radstore.catalog import Catalog
from radstore.catalog.model import Region, Source
from radstore.spec import Spec

_prepare_case = radstore.build.work.prepare_case


def prepare_case(case: Any, *others: Any) -> Any:
    """Reading a case called ``killer…`` kills the process, as running out of memory would."""
    if case.id.startswith("killer"):
        os.kill(os.getpid(), signal.SIGKILL)
    return _prepare_case(case, *others)


radstore.build.work.prepare_case = prepare_case

if "RADSTORE_FAKE_GPUS" in os.environ:
    import fake_gpu

    fake_gpu.install()


def say(*words: object) -> None:
    """Print a line with one system call: a process that is killed has said all of it or nothing."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Telling(Progress):
    """Says every version once it is acknowledged."""

    def committed(self, version: Any) -> None:
        say("committed", version.number)


def catalog(root: Path) -> Catalog:
    cases = root / "cases"
    args = {"image": f"{cases}/{{case}}_image.nii.gz", "labels": f"{cases}/{{case}}_labels.nii.gz"}
    source = Source("files", "files", args, {"organ": Region((1,))})
    return Catalog(root / "catalog.yaml", str(root / "store"), {"files": source})


@contextmanager
def threads() -> Iterator[str]:
    """A Dask cluster in this process: starts at once, and dies with it."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=50,
    ) as cluster:
        yield cluster.scheduler_address


def run(root: str, name: str, bin_width: str, *cases: str) -> None:
    """Build one view, a commit a case."""
    radstore.build.run.COMMIT_CASES = 1
    document = {
        "features": ["original_firstorder_Mean", "original_glcm_Contrast"],
        "region": "organ",
        "setting": {"binWidth": int(bin_width)},
        "maps": True,
    }
    with threads() as scheduler:
        report = build(
            Spec.from_dict(document, name),
            catalog=catalog(Path(root)),
            cases=list(cases) or None,
            scheduler=scheduler,
            progress=Telling(),
        )
    for case, error in report.failed.items():
        say("failed", case, error["step"], error["message"])
    say("done", report.version.number if report.version else 0)


def forks(root: str) -> None:
    """For each line of stdin (the arguments of `run`) fork a process that runs it; say its id first.

    What it needs is imported once, here; a build then starts in a tenth of a second.
    """
    import distributed  # noqa: F401

    from radstore.engines.registry import choose

    choose("pyradiomics")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                run(root, *line.split())
            finally:
                os._exit(0)
        say("child", child)
        os.waitpid(child, 0)
        say("ended")


def cli(commit_cases: str, *argv: str) -> None:
    """The command line as users run it, but with other moments to commit at."""
    from radstore.cli import main

    radstore.build.run.COMMIT_CASES = int(commit_cases)
    sys.exit(main(list(argv)))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

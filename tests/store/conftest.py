"""Buckets of every kind, and small stores to try things on."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.canonical import digest_of
from radstore.images.volume import Geometry
from radstore.store import blocks, layout, log
from radstore.store.blocks import CODEC, Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Change, Commit
from radstore.store.manifest import CaseRecord, Entry, Manifest

_numbers = itertools.count()


@pytest.fixture(scope="session")
def s3() -> Iterator[Callable[[], str]]:
    """A real S3 server in this process; makes the address of a fresh, empty prefix."""
    import boto3
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication
    from moto.server import ThreadedMotoServer

    serve, one_at_a_time = DomainDispatcherApplication.__call__, threading.Lock()

    def answer(app: Any, environ: Any, start_response: Any) -> Any:
        with one_at_a_time:  # moto looks and then writes; S3 itself does both in one step
            return serve(app, environ, start_response)

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DomainDispatcherApplication, "__call__", answer)
        for name, value in {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        yield lambda: f"s3://bucket/prefix{next(_numbers)}"
        client.close()
    server.stop()


@pytest.fixture(params=["local", "memory", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """An empty bucket of every kind."""
    if request.param == "s3":
        return open_bucket(request.getfixturevalue("s3")())
    return open_bucket("memory://" if request.param == "memory" else tmp_path / "store")


@pytest.fixture
def local(tmp_path: Path) -> Bucket:
    """An empty store in a folder."""
    made = open_bucket(tmp_path / "store")
    layout.create(made, CODEC)
    return made


@dataclass(frozen=True)
class Maker:
    """Makes blocks, records and commits of a bucket, with as little as possible to say."""

    bucket: Bucket

    def vector(self, case: str, values: dict[str, float] | None = None, *, salt: object = 0) -> Entry:
        """Publish a vector of features and say what a manifest says of it."""
        values = {"original_firstorder_Mean": 1.0} if values is None else values
        array = np.array(list(values.values()), dtype=float)
        block = Block("features", {"features": array}, None, {"names": list(values)})
        return self.publish(digest_of([case, "vector", list(values.items()), salt]), block)

    def image(self, case: str, array: np.ndarray | None = None, geometry: Geometry | None = None) -> Entry:
        """Publish an image."""
        array = np.arange(24, dtype=np.int16).reshape(2, 3, 4) if array is None else array
        geometry = geometry or Geometry(array.shape[::-1])
        return self.publish(digest_of([case, "image"]), Block("image", {"image": array}, geometry))

    def publish(self, key: str, block: Block) -> Entry:
        return Entry(key, digest=blocks.publish(self.bucket, layout.object_folder(key), block))

    def record(self, case: str, **named: Entry) -> CaseRecord:
        """A record; the keywords' double underscores stand for slashes."""
        entries = {name.replace("__", "/"): entry for name, entry in named.items()}
        return CaseRecord({"patient": f"P-{case}", "source": "demo"}, entries)

    def commit(self, case: str, record: CaseRecord | None, **keywords: Any) -> Commit:
        """Commit what one case shall be, from what it is now."""
        return log.commit(self.bucket, {case: Change(self.now(case), record)}, **keywords)

    def commit_image(self, case: str) -> Entry:
        """Publish and commit an image of a case, beside what it has."""
        entry = self.image(case)
        before = self.now(case) or self.record(case)
        assert self.commit(case, CaseRecord(before.info, {**before.blocks, "image": entry})).written
        return entry

    def now(self, case: str) -> CaseRecord | None:
        """What the latest version says of a case."""
        return Manifest(self.bucket, log.head(self.bucket).manifest).get(case)

    def files(self, prefix: str = "") -> set[str]:
        """The paths of all objects, without leases and files that are being written."""
        hidden = (layout.LEASES, "staging/")
        return {stat.path for stat in self.bucket.list(prefix) if not stat.path.startswith(hidden)}


@pytest.fixture
def maker() -> Callable[[Bucket], Maker]:
    """Maker of things in a bucket, which becomes a store."""

    def make(bucket: Bucket) -> Maker:
        layout.create(bucket, CODEC)
        return Maker(bucket)

    return make


@pytest.fixture
def make(local: Bucket) -> Maker:
    """Maker of things in a local store."""
    return Maker(local)


@pytest.fixture
def age() -> Callable[[Path, float], None]:
    """Make every file below a folder so many seconds older."""

    def do(folder: Path, seconds: float) -> None:
        then = time.time() - seconds
        for file in folder.rglob("*"):
            if file.is_file():
                os.utime(file, (then, then))

    return do


@pytest.fixture
def program() -> Callable[..., subprocess.Popen[str]]:
    """Start one of the programs beside this file in a process of its own."""

    def start(verb: str, *args: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__).with_name("programs.py")), verb, *map(str, args)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.fixture
def finish() -> Callable[..., list[list[str]]]:
    """Wait for programs; the lines that each printed. Fails with what a program that failed said."""

    def wait(*processes: subprocess.Popen[str]) -> list[list[str]]:
        lines = []
        for process in processes:
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            lines.append(out.splitlines())
        return lines

    return wait


@pytest.fixture
def five(make: Any) -> Any:
    """A store of five versions, each with another image of one case."""
    for number in range(5):
        entry = make.image(f"a{number}")
        make.commit("a", make.record("a", image=entry))
    return make

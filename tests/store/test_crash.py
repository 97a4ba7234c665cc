"""kill -9 at random moments: whatever was acknowledged is there, and the store goes on."""

from __future__ import annotations

import random
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from radstore.store import blocks, gc, layout, log
from radstore.store.bucket import Bucket
from radstore.store.manifest import Manifest
from radstore.store.query import open_store

KILLS = 20
AT_ONCE = 2  # builders that die together


def test_killed_builders_lose_nothing_that_was_acknowledged(
    local: Bucket, tmp_path: Path, program: Callable[..., subprocess.Popen[str]]
) -> None:
    rng = random.Random(0)
    root = tmp_path / "store"
    acknowledged: dict[str, int] = {}
    verified: set[str] = set()
    for round_ in range(KILLS // AT_ONCE):
        builders = [program("commit_forever", root, f"r{round_}b{n}") for n in range(AT_ONCE)]
        for builder in builders:  # not before it got to work: the leases of the dead hold nobody up
            ready, _, _ = select.select([builder.stdout], [], [], 20)
            assert ready, "the dead still block the living"
        time.sleep(rng.uniform(0, 0.25))
        for builder in builders:
            builder.kill()
        new = {}
        for builder in builders:
            out, _ = builder.communicate(timeout=20)
            whole = [line.split() for line in out.splitlines(keepends=True) if line.endswith("\n")]
            new |= {case: int(number) for number, case in whole}
        for case, number in new.items():
            assert Manifest(local, log.read(local, number).manifest).get(case) is not None
        acknowledged |= new
        assert_sound(local, acknowledged, verified)
    assert len(acknowledged) > KILLS

    # gc is not held up either, and clears what the dead left
    began = time.monotonic()
    gc.expire(local, keep=1)
    gc.gc(local, grace=0)
    assert time.monotonic() - began < 10
    assert list(local.list(layout.LEASES)) == []
    assert_sound(local, acknowledged, set())


def assert_sound(bucket: Bucket, acknowledged: dict[str, int], verified: set[str]) -> None:
    """The store opens, every acknowledged commit is in it, and every block it names is whole."""
    numbers = log.numbers(bucket)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    there = dict(open_store(bucket.location).manifest.items())
    assert acknowledged.keys() <= there.keys()
    for record in there.values():
        for entry in record.blocks.values():
            folder = layout.object_folder(entry.key)
            assert blocks.find(bucket, folder) == entry.digest
            if entry.key not in verified:
                blocks.verify(bucket, folder, entry.digest)
                verified.add(entry.key)

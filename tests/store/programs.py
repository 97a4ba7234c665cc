"""What tests run in processes of their own: ``python programs.py VERB ARGUMENTS``."""

from __future__ import annotations

import itertools
import random
import sys
import time

import numpy as np

from radstore.canonical import digest_of
from radstore.images.volume import Geometry
from radstore.store import blocks, gc, layout, lease, log
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry, Manifest


def create(location: str, name: str, rounds: str) -> None:
    """Try to be the first to create each of many paths; print those that we did."""
    bucket = open_bucket(location)
    wait_for_all(bucket, name)
    for number in range(int(rounds)):
        if bucket.create(f"race/{number}", name.encode()):
            print(number)


def commit(location: str, name: str, count: str) -> None:
    """Commit cases of our own, and change one that everyone changes; print the version numbers."""
    bucket = open_bucket(location)
    wait_for_all(bucket, name)
    for number in range(int(count)):
        case = f"{name}-{number}"
        record = CaseRecord({"patient": case}, {"image": _published(bucket, case)})
        changes = {case: Change(None, record), "shared": _shared_change(bucket, f"column-{case}")}
        done = log.commit(bucket, changes, message=case)
        assert not done.conflicts
        assert not done.vanished
        print(done.version.number, flush=True)


def build(location: str, name: str, seconds: str) -> None:
    """Build under leases, now reusing blocks, now making new ones, now dropping cases; print the commits."""
    bucket = open_bucket(location)
    end = time.monotonic() + float(seconds)
    rng = random.Random(name)
    while time.monotonic() < end:
        with lease.building(bucket):
            for _ in range(4):
                case = f"case-{rng.randrange(6)}"
                before = Manifest(bucket, log.head(bucket).manifest).get(case)
                # a small set of recipes, so that blocks are dropped, collected, and wanted again
                wanted = {f"{name}/{n}": _published(bucket, f"{case}-{rng.randrange(3)}") for n in range(2)}
                others = {n: e for n, e in (before or CaseRecord()).blocks.items() if n.split("/")[0] != name}
                keep = {**others, **(wanted if rng.random() < 0.7 else {})}
                after = CaseRecord({"patient": case}, keep)
                done = log.commit(bucket, {case: Change(before, after)})
                print("vanished" if done.vanished else done.version.number, flush=True)


def collect(location: str, seconds: str) -> None:
    """Expire and collect without mercy; print how much went."""
    lease.SKEW = 0.05  # all of it happens on one machine; only the file system's clock is coarse
    bucket = open_bucket(location)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        gc.expire(bucket, keep=2)
        print(gc.gc(bucket, grace=0.0).files, flush=True)
        time.sleep(random.uniform(0, 0.1))  # as long as who waits for a commit sleeps between two looks


def commit_forever(location: str, name: str) -> None:
    """Publish and commit until killed; print every version and its case once it is acknowledged."""
    bucket = open_bucket(location)
    with lease.building(bucket):
        for number in itertools.count():
            case = f"{name}-{number}"
            entries = {f"maps/{part}": _published(bucket, f"{case}-{part}", maps=True) for part in range(2)}
            done = log.commit(bucket, {case: Change(None, CaseRecord({"patient": case}, entries))})
            print(done.version.number, case, flush=True)


def wait_for_all(bucket: Bucket, name: str) -> None:
    """Begin together: say that we are here, and wait for the word."""
    bucket.write(f"staging/ready-{name}", b"")
    while not bucket.exists("staging/go"):
        time.sleep(0.002)


def _published(bucket: Bucket, seed: str, *, maps: bool = False) -> Entry:
    key = digest_of(seed)
    rng = np.random.default_rng(int(key[:8], 16))
    array = rng.normal(size=(2, 9, 8, 7)).astype(np.float32)
    block = Block("maps", {"maps": array}, Geometry((7, 8, 9)), {"seed": seed})
    if not maps:
        block = Block("image", {"image": array[0]}, Geometry((7, 8, 9)), {"seed": seed})
    return Entry(key, digest=blocks.publish(bucket, layout.object_folder(key), block))


def _shared_change(bucket: Bucket, column: str) -> Change:
    base = Manifest(bucket, log.head(bucket).manifest).get("shared")
    info = {**base.info} if base else {}
    return Change(base, CaseRecord({**info, column: 1}, base.blocks if base else {}))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

"""What workers do to one case: read, compute what is missing, write. It never raises.

On processors one task does all of it. For a GPU each step is a task of its own: other workers read and write,
so that the card is only ever waited for.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import radstore
from radstore.build import devices
from radstore.build.assemble import Source, assemble_maps, assemble_vector
from radstore.build.digests import is_settled
from radstore.build.job import IMAGE, Inputs, Job, engine
from radstore.build.outcome import Outcome, case_info, explained
from radstore.build.parcel import Parcel
from radstore.catalog import Case
from radstore.engines.base import Engine
from radstore.images.digest import volume_digest
from radstore.images.itk import set_threads
from radstore.images.volume import Volume
from radstore.inputs import prepare_case
from radstore.store import blocks, layout
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.kept import require_kept_image
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.table import FEATURES, REGION


def work(job: Job, case: Case, known: CaseRecord | None) -> Outcome:
    """Bring one case up to date, all three steps in this process.

    Parameters
    ----------
    known
        What the manifest says of the case so far; blocks that are right already are kept.

    Returns
    -------
    Outcome
        Also when anything went wrong: then with `error`, and failed entries in the record.
    """
    return write(compute(read(job, case, known)))


def read(job: Job, case: Case, known: CaseRecord | None) -> Step:
    """First step, on a processor: decode, key, publish the image and the region, see what is missing."""
    step = Step(job, case, known or CaseRecord())
    set_threads(job.threads)
    with step.guarded():
        step.read()
    return step


def compute(step: Step) -> Step:
    """Second step, where the engine computes: the missing vector and maps.

    Raises
    ------
    EngineError
        If the engine does not work in this process; not the case's fault.
    """
    step = step.next()
    if step.parcel is not None:
        set_threads(step.job.threads)
        chosen = engine(step.job.engine)
        with step.guarded():
            step.compute(chosen, step.parcel)
    step.parcel = None
    return step


def write(step: Step) -> Outcome:
    """Last step: publish what was computed."""
    step = step.next()
    with step.guarded():
        step.write()
    return step.outcome()


def failed(job: Job, case: Case, known: CaseRecord | None, error: Mapping[str, str]) -> Outcome:
    """The outcome of a case that could not even be tried."""
    step = Step(job, case, known or CaseRecord())
    step.error = error
    return step.outcome()


class Step:
    """One case between two steps. It travels from worker to worker, with its arrays while they are needed.

    `at` says where it is, for the record of a failure; `missing` which blocks are to compute (name → key),
    `made` those that are computed and not published yet.
    """

    def __init__(self, job: Job, case: Case, known: CaseRecord) -> None:
        self.job, self.case, self.known = job, case, known
        self.at = "read"
        self.error: Mapping[str, str] | None = None
        self.seconds = 0.0
        self.computed = self.copied = 0
        self.digests: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        self.made: dict[str, Block] = {}
        self.parcel: Parcel | None = None
        leftovers = job.leftovers(known)
        self.entries = {name: entry for name, entry in known.blocks.items() if name not in leftovers}
        self.settled: set[str] = set()

    def next(self) -> Step:
        """A copy to go on with: a task that Dask repeats, after a worker died, must find what it found."""
        new = copy.copy(self)
        new.entries, new.settled, new.made = dict(self.entries), set(self.settled), dict(self.made)
        return new

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Keep what goes wrong as the case's error, the first one: the other cases go on."""
        began = time.perf_counter()
        try:
            yield
        except Exception as problem:
            if devices.is_lost(problem):
                devices.leave(engine(self.job.engine), self.case.id, problem)
            self.error = self.error or explained(problem, self.case.id, self.at)
        finally:
            self.seconds += time.perf_counter() - began

    def read(self) -> None:
        case = self.case
        if case.problem is not None:
            raise case.problem
        fingerprints = self._fingerprints(case.files(self.job.region))
        image, mask = prepare_case(case, self.job.region, self.job.spec.settings)
        inputs = Inputs(volume_digest(image), volume_digest(mask), self.job.kept_key(case))
        if kept := case.kept.get(self.job.region):
            require_kept_image(kept, case.id, inputs.image)
        if len(fingerprints) == 2:
            self.digests = dict(zip(fingerprints, (inputs.image, inputs.mask), strict=True))
        self.at = "store"
        bucket = open_bucket(self.job.store)
        plain = {IMAGE: image, REGION + self.job.region: mask}
        for name, key in self.job.keys(inputs).items():
            if self._is_there(bucket, name, key):
                continue
            if name in plain:
                self._publish(bucket, name, key, _plain(name, plain[name], inputs))
            else:
                self.missing[name] = key
        if self.missing:
            self.parcel = Parcel(image, mask, inputs, self.job.margin(image.geometry))

    def compute(self, chosen: Engine, parcel: Parcel) -> None:
        bucket = open_bucket(self.job.store)
        for name in self.missing:
            self.at = name.split("/")[0]
            self.made[name] = self._block(bucket, name, chosen, parcel)

    def write(self) -> None:
        bucket = open_bucket(self.job.store)
        for name, block in self.made.items():
            self.at = "store"
            self._publish(bucket, name, self.missing[name], block)

    def outcome(self) -> Outcome:
        if self.error:
            key = self.job.failure_key(self.case)
            for name in self.job.graphs.keys() - self.settled:
                self.entries[name] = Entry(key, "failed", spec=self.job.spec.hash, error=self.error)
        record = CaseRecord(case_info(self.case), self.entries, self.known.marks)
        return Outcome(
            self.case.id, record, self.computed, self.copied, self.digests, self.error, self.seconds
        )

    def _fingerprints(self, files: list[Path]) -> list[str]:
        """Taken before reading, so that a file that changes meanwhile is not mistaken for what was read."""
        if not is_settled(files):
            return []
        both = self.job.image_fingerprint(self.case), self.job.mask_fingerprint(self.case)
        return [seen for seen in both if seen]

    def _is_there(self, bucket: Bucket, name: str, key: str) -> bool:
        """Whether the store has a block already; then the record names it."""
        digest = blocks.find(bucket, layout.object_folder(key))
        # a block that is named but no longer there (deleted by hand, or as damaged) is made again
        if digest is None:
            return False
        named = self.known.has(name, key, self.job.spec_hash(name))
        if not (named and digest == self.known.blocks[name].digest):
            self.entries[name] = self._entry(bucket, name, key)
        self.settled.add(name)
        return True

    def _publish(self, bucket: Bucket, name: str, key: str, block: Block) -> None:
        blocks.publish(bucket, layout.object_folder(key), block)
        self.entries[name] = self._entry(bucket, name, key)
        self.settled.add(name)

    def _block(self, bucket: Bucket, name: str, chosen: Engine, parcel: Parcel) -> Block:
        job = self.job
        provenance = _provenance(parcel.inputs) | {
            "spec": job.spec.document,
            "spec_hash": job.spec.hash,
            "view": job.view,
            "region": job.region,
            "engine": chosen.family,
            "device": devices.label(chosen),
        }
        recipes = job.recipes(name, parcel.inputs)
        source = Source(parcel.image, parcel.mask, job.graphs[name], recipes, chosen, job.keep_bits(name))
        assemble = assemble_vector if name.startswith(FEATURES) else assemble_maps
        block, computed = assemble(source, bucket, self._earlier(bucket, name), provenance)
        self.computed += computed
        self.copied += len(source.graph.features) - computed
        return block

    def _earlier(self, bucket: Bucket, name: str) -> list[str]:
        """The folders of this case's blocks of the same kind, whatever their view: columns to copy."""
        kind = name.split("/")[0] + "/"
        entries = [entry for n, entry in self.known.blocks.items() if n.startswith(kind) and entry.ok]
        folders = [layout.object_folder(entry.key) for entry in entries]
        return [folder for folder in folders if blocks.find(bucket, folder) is not None]

    def _entry(self, bucket: Bucket, name: str, key: str) -> Entry:
        folder = layout.object_folder(key)
        group = blocks.open_group(bucket, folder)
        attrs = blocks.own_attributes(group)
        geometry, provenance = attrs["geometry"], attrs["provenance"]
        return Entry(
            key=key,
            digest=blocks.find(bucket, folder) or "",
            shape=tuple(group[attrs["kind"]].shape),  # type: ignore[union-attr]
            spacing=tuple(geometry["spacing"]) if geometry else (),
            engine=provenance.get("engine", ""),
            device=provenance.get("device", ""),
            spec=self.job.spec_hash(name),
            undefined=len(attrs["content"].get("failures", {})),
        )


def _plain(name: str, volume: Volume, inputs: Inputs) -> Block:
    """The block of an image or a region: voxels as they were read."""
    kind, _, region = name.partition("/")
    provenance = _provenance(inputs) | ({"region": region} if region else {})
    return Block(kind, {kind: volume.array}, volume.geometry, {}, provenance)


def _provenance(inputs: Inputs) -> dict[str, object]:
    """What every block says of where it comes from."""
    return {"code": radstore.__version__, "inputs": inputs.leaves}

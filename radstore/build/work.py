"""What a worker does to one case: read, key, compute what is missing, publish. It never raises."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import radstore
from radstore.build.assemble import Source, assemble_maps, assemble_vector
from radstore.build.digests import is_settled
from radstore.build.job import IMAGE, Inputs, Job, engine
from radstore.catalog import Case
from radstore.errors import CaseError, RadstoreError
from radstore.images.digest import volume_digest
from radstore.images.itk import set_threads
from radstore.images.volume import Volume
from radstore.inputs import prepare_case
from radstore.store import blocks, layout
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.table import FEATURES, REGION


@dataclass(frozen=True)
class Outcome:
    """What became of one case: a tiny record; the arrays are in the store already.

    Parameters
    ----------
    case
        Its id.
    record
        What the manifest shall say of it now.
    computed, copied
        How many feature columns were computed, and taken over from blocks that had them.
    digests
        Fingerprint → digest, for the cache.
    error
        Why it failed: ``step``, ``message``, ``remedy``; None if it did not.
    seconds
        Wall time.
    """

    case: str
    record: CaseRecord
    computed: int = 0
    copied: int = 0
    digests: Mapping[str, str] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    seconds: float = 0.0


def case_info(case: Case) -> dict[str, object]:
    """What the manifest says of a case beside its blocks; a table's column never hides what is ours."""
    ours = {"patient": case.patient, "source": case.source}
    columns = {f"table_{name}" if name in ours else name: value for name, value in case.columns.items()}
    return {**columns, **ours}


def work(job: Job, case: Case, known: CaseRecord | None) -> Outcome:
    """Bring one case up to date.

    Parameters
    ----------
    known
        What the manifest says of the case so far; blocks that are right already are kept.

    Returns
    -------
    Outcome
        Also when anything went wrong: then with `error`, and failed entries in the record.
    """
    began = time.perf_counter()
    set_threads(job.threads)
    task = _Task(job, case, known or CaseRecord())
    try:
        task.run()
        error = None
    except CaseError as problem:
        error = {"step": problem.step, "message": problem.message, "remedy": problem.remedy}
    except RadstoreError as problem:
        error = {"step": task.step, "message": problem.message, "remedy": problem.remedy}
    except MemoryError:
        error = {
            "step": task.step,
            "message": f"case {case.id}: out of memory",
            "remedy": "Build with fewer --workers, or on a machine with more memory.",
        }
    except Exception as problem:  # the other cases go on, whatever this one does
        error = {
            "step": task.step,
            "message": f"case {case.id}: {type(problem).__name__}: {problem}",
            "remedy": "This looks like a bug; please report it with this trace:\n" + traceback.format_exc(),
        }
    return task.outcome(error, time.perf_counter() - began)


def failed(job: Job, case: Case, known: CaseRecord | None, error: Mapping[str, str]) -> Outcome:
    """The outcome of a case that could not even be tried."""
    return _Task(job, case, known or CaseRecord()).outcome(error, 0.0)


class _Task:
    """One case on its way; `step` says where it is, for the record of a failure."""

    def __init__(self, job: Job, case: Case, known: CaseRecord) -> None:
        self.job, self.case, self.known = job, case, known
        self.step = "read"
        self.computed = self.copied = 0
        self.digests: dict[str, str] = {}
        self.settled: set[str] = set()
        leftovers = job.leftovers(known)
        self.entries = {name: entry for name, entry in known.blocks.items() if name not in leftovers}

    def run(self) -> None:
        case = self.case
        if case.problem is not None:
            raise case.problem
        fingerprints = self._fingerprints([case.image, case.label_path(case.region(self.job.region))])
        image, mask = prepare_case(case, self.job.region, self.job.spec.settings)
        inputs = Inputs(volume_digest(image), volume_digest(mask))
        if len(fingerprints) == 2:
            self.digests = dict(zip(fingerprints, (inputs.image, inputs.mask), strict=True))
        self.step = "store"
        bucket = open_bucket(self.job.store)
        for name, key in self.job.keys(inputs).items():
            self._settle(bucket, name, key, inputs, image, mask)
            self.settled.add(name)

    def outcome(self, error: Mapping[str, str] | None, seconds: float) -> Outcome:
        if error:
            key = self.job.failure_key(self.case)
            for name in self.job.graphs.keys() - self.settled:
                self.entries[name] = Entry(key, "failed", spec=self.job.spec.hash, error=error)
        record = CaseRecord(case_info(self.case), self.entries, self.known.marks)
        return Outcome(self.case.id, record, self.computed, self.copied, self.digests, error, seconds)

    def _fingerprints(self, files: list[Path]) -> list[str]:
        """Taken before reading, so that a file that changes meanwhile is not mistaken for what was read."""
        if not is_settled(files):
            return []
        both = self.job.image_fingerprint(self.case), self.job.mask_fingerprint(self.case)
        return [seen for seen in both if seen]

    def _settle(
        self, bucket: Bucket, name: str, key: str, inputs: Inputs, image: Volume, mask: Volume
    ) -> None:
        """Make sure a block is there and the record names it."""
        folder = layout.object_folder(key)
        digest = blocks.find(bucket, folder)
        # a block that is named but no longer there (deleted by hand, or as damaged) is made again
        if self.known.has(name, key) and digest == self.known.blocks[name].digest:
            return
        if digest is None:
            self.step = name.split("/")[0]
            block = self._block(bucket, name, inputs, image, mask)
            self.step = "store"
            blocks.publish(bucket, folder, block)
        self.entries[name] = self._entry(bucket, key)

    def _block(self, bucket: Bucket, name: str, inputs: Inputs, image: Volume, mask: Volume) -> Block:
        job = self.job
        provenance: dict[str, object] = {"code": radstore.__version__, "inputs": inputs.leaves}
        if name == IMAGE:
            return Block("image", {"image": image.array}, image.geometry, {}, provenance)
        if name == REGION + job.region:
            provenance["region"] = job.region
            return Block("region", {"region": mask.array}, mask.geometry, {}, provenance)
        provenance |= {
            "spec": job.spec.document,
            "spec_hash": job.spec.hash,
            "view": job.view,
            "region": job.region,
            "engine": engine(job.engine).family,
            "device": engine(job.engine).device,
        }
        source = Source(
            image, mask, job.graphs[name], job.recipes(name, inputs), engine(job.engine), job.keep_bits(name)
        )
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

    def _entry(self, bucket: Bucket, key: str) -> Entry:
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
            spec=self.job.spec.hash if "spec" in provenance else "",
            undefined=len(attrs["content"].get("failures", {})),
        )

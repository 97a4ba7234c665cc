"""What a process does to one case: read, make the sample, publish it. It never raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import radstore
from fusion.samples.job import Digests, Job
from fusion.samples.make import make_sample
from radstore.build.digests import is_settled
from radstore.build.outcome import explained
from radstore.catalog import Case
from radstore.errors import CaseError
from radstore.images.digest import volume_digest
from radstore.images.itk import set_threads
from radstore.images.read import read_image, read_labels
from radstore.images.volume import Geometry, Volume
from radstore.store import blocks, layout
from radstore.store.manifest import Entry
from radstore.store.query import CaseView

if TYPE_CHECKING:
    import xarray as xr

REBUILD = "Run `radstore build` again for this region and spec."


@dataclass(frozen=True)
class Outcome:
    """What became of one case: a tiny record; the arrays are in the store already.

    Parameters
    ----------
    case
        Its id.
    entry
        What the manifest shall say of its sample.
    made
        Whether it was made now, and not found in the store.
    told
        ``stray_labels`` and ``vanished_labels`` of its sample.
    fingerprints
        Fingerprint → digest, for the cache.
    """

    case: str
    entry: Entry
    made: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)


def work(job: Job, case: Case) -> Outcome:
    """Bring the sample of one case up to date.

    Returns
    -------
    Outcome
        Also when anything went wrong: then with a failed entry.
    """
    set_threads(1)
    try:
        return _work(job, case)
    except Exception as problem:
        error = explained(problem, case.id, "sample")
        return Outcome(case.id, Entry(job.failure_key, "failed", spec=job.recipe.spec_hash, error=error))


def found(job: Job, case: Case, digests: Digests) -> Outcome | None:
    """The outcome of a case whose sample is in the store already."""
    key = job.key(digests)
    folder = layout.object_folder(key)
    bucket = job.snapshot.bucket
    digest = blocks.find(bucket, folder)
    if digest is None:
        return None
    group = blocks.open_group(bucket, folder)
    attrs = blocks.own_attributes(group)
    entry = Entry(
        key=key,
        digest=digest,
        shape=tuple(group["data"].shape),  # type: ignore[union-attr]
        spacing=tuple(attrs["geometry"]["spacing"]),
        engine=job.engine,
        spec=job.recipe.spec_hash,
    )
    properties = attrs["content"]["properties"]
    told = {name: properties[name] for name in ("stray_labels", "vanished_labels")}
    return Outcome(case.id, entry, told=told)


def _work(job: Job, case: Case) -> Outcome:
    if case.problem is not None:
        raise case.problem
    settled = is_settled([case.image, case.labels[0][1]])
    fingerprints = job.fingerprints(case)  # before reading: a file that changes meanwhile is another
    ct, labels = read_image(case.image), read_labels(case.labels[0][1])
    digests = job.digests(case, volume_digest(ct), volume_digest(labels))
    outcome = found(job, case, digests)
    made = outcome is None
    if outcome is None:
        _publish(job, case, digests, ct, labels)
        outcome = found(job, case, digests)
    if outcome is None:  # gc had no business here: our lease is up
        raise CaseError(f"case {case.id}: its sample is gone already", "Is the store's clock right?")
    learnt = zip(fingerprints, (digests.image, digests.labels), strict=True)
    known = {seen: digest for seen, digest in learnt if seen and settled}
    return Outcome(case.id, outcome.entry, made, outcome.told, known)


def _publish(job: Job, case: Case, digests: Digests, ct: Volume, labels: Volume) -> None:
    region, maps = _of_store(job, case, digests)
    sample = make_sample(ct, job.plans, job.recipe, region=region, maps=maps, labels=labels)
    block = sample.to_block(_provenance(job, digests))
    blocks.publish(job.snapshot.bucket, layout.object_folder(job.key(digests)), block)


def _of_store(job: Job, case: Case, digests: Digests) -> tuple[Volume | None, xr.DataArray | None]:
    """Region and maps, as far as the recipe wants them.

    Raises
    ------
    StoreError
        If the store does not have them.
    CaseError
        If the maps are of another spec, another image or another region.
    """
    if not job.region:
        return None, None
    view = job.snapshot.case(case.id)
    stored = view.region(job.recipe.region)
    geometry = Geometry.from_json(stored.attrs["geometry"])
    region = Volume(stored.values, geometry, f"case {case.id}, region {job.recipe.region!r}")
    if not job.maps:
        return region, None
    return region, _maps(job, view, {"image": digests.image, "mask": volume_digest(region)})


def _maps(job: Job, view: CaseView, inputs: Mapping[str, str]) -> xr.DataArray:
    spec = view.entry(job.maps).spec
    if spec != job.recipe.spec_hash:
        raise _other(view, job, f"are of spec {spec[:12]}, the plan's are of {job.recipe.spec_hash[:12]}")
    maps = view.get_maps(job.recipe.view)
    for name, what in (
        ("image", "the CT has changed"),
        ("mask", f"region {job.recipe.region!r} has changed"),
    ):
        if maps.attrs["inputs"][name] != inputs[name]:
            raise _other(view, job, f"are older than what they were computed on: {what}")
    return maps


def _other(view: CaseView, job: Job, why: str) -> CaseError:
    error = CaseError(f"case {view.id}: its maps ({job.recipe.view}) {why}", REBUILD)
    error.step = "maps"
    return error


def _provenance(job: Job, digests: Digests) -> dict[str, Any]:
    return {
        "code": radstore.__version__,
        "engine": job.engine,
        "plan": job.plan_name,
        "spec_hash": job.recipe.spec_hash,
        "view": job.recipe.view,
        "region": job.recipe.region,
        "inputs": {name: digest for name, digest in vars(digests).items() if digest},
    }

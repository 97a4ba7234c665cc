"""A folder of predictions: one small index, and a few images a case. Written case by case.

    predictions.json               what predicted, and of each case its score, status and candidates
    <case>.candidates.nii.gz       the detection map: 0, or the confidence of the candidate
    <case>.labels.nii.gz           predicted structures
    <case>.probability.nii.gz      of lesion, if asked for
    <case>.png                     its best slices

A case counts once it stands in ``predictions.json``, which is replaced whole: a run that was killed goes on
where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fusion.predict.candidates import Candidate
from fusion.predict.origin import Origin
from radstore.errors import BadInput
from radstore.images.read import read_image, read_labels
from radstore.images.volume import Volume
from radstore.images.write import write_volume
from radstore.output_file import writing
from radstore.suggest import suggest

INDEX = "predictions.json"
CANDIDATES, LABELS, PROBABILITY, PICTURE = "candidates.nii.gz", "labels.nii.gz", "probability.nii.gz", "png"


@dataclass(frozen=True)
class CasePrediction:
    """What was predicted for one case.

    Parameters
    ----------
    score
        Its likelihood of a lesion: the highest confidence of its candidates; None if it failed.
    status
        ``ok``; ``fallback``: no chain found a pancreas, or some did not, and a stated region stood in;
        ``failed``.
    fold
        The fold whose chain predicted it, because it was held out there; None if all chains did.
    chains
        The folds of the chains that predicted it.
    source
        Of the catalog, or the file.
    candidates
        Best first.
    error
        Of a failure: ``step``, ``message``, ``remedy``.
    notes
        What was not as usual: fallbacks of the region, of the GPU's memory.
    seconds
        Wall time it took.
    """

    score: float | None
    status: Literal["ok", "fallback", "failed"] = "ok"
    fold: int | None = None
    chains: tuple[int, ...] = ()
    source: str = ""
    candidates: tuple[Candidate, ...] = ()
    error: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CasePrediction:
        """The inverse of `dataclasses.asdict`."""
        candidates = tuple(Candidate.from_json(candidate) for candidate in value["candidates"])
        lists = {name: tuple(value.get(name, ())) for name in ("chains", "notes")}
        return cls(**{**value, **lists, "candidates": candidates})


@dataclass(frozen=True)
class Written:
    """The images of one case, all in the CT's full grid.

    Parameters
    ----------
    candidates
        float32, the detection map.
    labels
        uint8, predicted structures.
    probability
        float32, of lesion; None: is not kept.
    """

    candidates: Volume
    labels: Volume
    probability: Volume | None = None


class Predictions:
    """A folder of predictions, open for reading and for adding cases.

    Parameters
    ----------
    folder
        Where.
    origin
        What predicted.
    cases
        Case → prediction.
    """

    def __init__(self, folder: Path, origin: Origin, cases: dict[str, CasePrediction] | None = None) -> None:
        self.folder = folder
        self.origin = origin
        self.cases: dict[str, CasePrediction] = cases or {}

    @classmethod
    def open(cls, folder: Path | str) -> Predictions:
        """The predictions in a folder.

        Raises
        ------
        BadInput
            If there are none, or the index is damaged.
        """
        folder = Path(folder)
        try:
            found = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            cases = {case: CasePrediction.from_json(value) for case, value in found.pop("cases").items()}
            return cls(folder, Origin(**found), cases)
        except FileNotFoundError as error:
            raise BadInput(
                f"{folder} has no {INDEX}: no predictions", "Make them with `fusion predict --out`."
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise BadInput(
                f"{folder / INDEX} is damaged: {error}", "Predict again, into another folder."
            ) from error

    @classmethod
    def start(
        cls,
        folder: Path | str,
        origin: Origin,
        *,
        sources: Mapping[str, str] | None = None,
        replacing: Callable[[str], None] | None = None,
    ) -> Predictions:
        """The folder to add cases to: new, or what an earlier run of the same origin left there.

        Parameters
        ----------
        sources
            Case → where its CT is from (`CasePrediction.source`), of those that will be added.
        replacing
            Told what predictions of something else are dropped for these; None: they are refused.

        Raises
        ------
        BadInput
            If it holds predictions by something else, or of another CT under a case's name, or cannot be
            written to.
        """
        folder = Path(folder)
        if not (folder / INDEX).exists():
            return cls(folder, origin)._begun()
        there = cls.open(folder)
        differs = there.origin.differs(origin)
        if differs and replacing is None:
            raise BadInput(
                f"{folder} holds other predictions: {differs}",
                "Name another folder with --out, or replace them with --force.",
            )
        if differs and replacing is not None:
            replacing(f"{folder} held {len(there.cases):,} other predictions: {differs}; beginning anew")
            return cls(folder, origin)._begun()  # an index that speaks of images that are new would be wrong
        there._drop_namesakes(sources or {}, replacing)
        return cls(folder, there.origin.joined(origin), there.cases)._begun()

    def has(self, case: str, chains: Sequence[int] | None = None) -> bool:
        """Whether the case is done (one that failed is not), and by these chains, if any are named."""
        found = self.cases.get(case)
        if found is None or found.status == "failed":
            return False
        return chains is None or found.chains == tuple(chains)

    def add(self, case: str, prediction: CasePrediction, written: Written | None = None) -> None:
        """Keep what was predicted for a case: its images first, then its line in the index."""
        if self.cases.pop(case, None) is not None:
            self._write()  # else a line would speak of images that are another's, if this is killed
        if written is not None:
            write_volume(written.candidates, self.path(case, CANDIDATES))
            write_volume(written.labels, self.path(case, LABELS))
            if written.probability is not None:
                write_volume(written.probability, self.path(case, PROBABILITY))
        self.cases[case] = prediction
        self._write()

    def candidates(self, case: str) -> Volume:
        """The detection map of a case, float32 [z, y, x] in the CT's grid."""
        return read_image(self._known(case, CANDIDATES))

    def labels(self, case: str) -> Volume:
        """The predicted structures of a case, uint8 [z, y, x] in the CT's grid."""
        return read_labels(self._known(case, LABELS))

    def probability(self, case: str) -> Volume:
        """The probability of lesion of a case, float32 [z, y, x] in the CT's grid, if it was kept."""
        return read_image(self._known(case, PROBABILITY))

    def path(self, case: str, what: str) -> Path:
        """Where a file of a case lies; `what` is one of the module's endings."""
        return self.folder / f"{case}.{what}"

    def _known(self, case: str, what: str) -> Path:
        if not self.has(case):
            error = self.cases[case].error if case in self.cases else None
            raise BadInput(
                f"{self.folder} has no prediction of case {case!r}{': ' + error['message'] if error else ''}",
                error["remedy"] if error else suggest(case, sorted(self.cases), "It has"),
            )
        return self.path(case, what)

    def _drop_namesakes(self, sources: Mapping[str, str], replacing: Callable[[str], None] | None) -> None:
        """Without the cases that have a meant one's name, but another CT."""
        for case in sorted(self.cases.keys() & sources.keys()):
            theirs, meant = self.cases[case].source, sources[case]
            if theirs == meant:
                continue
            told = f"{self.folder} holds another case {case!r}, of {theirs} instead of {meant}"
            if replacing is None:
                raise BadInput(
                    told, "Name another folder with --out, rename the CT, or replace it with --force."
                )
            replacing(f"{told}: replacing it")
            del self.cases[case]

    def _begun(self) -> Predictions:
        """This, its index written: a folder that cannot be written to is told before the first case."""
        self._write()
        return self

    def _write(self) -> None:
        cases = {case: asdict(prediction) for case, prediction in sorted(self.cases.items())}
        value = {**self.origin.to_json(), "cases": cases}
        with writing(self.folder / INDEX) as aside:
            aside.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")

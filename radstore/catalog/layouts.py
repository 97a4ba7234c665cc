"""How a folder of images and masks is laid out: patterns inferred from the paths in it.

Every file suggests a few patterns, one for each thing in its path that may be the case's id (its stem, with
and without words such as ``_ct`` or ``_0000``; the folders above it). The pair of an image pattern and a
label pattern that gives the most cases exactly one image and one mask wins.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_IMAGE_WORDS = r"cta?|images?|imaging|img|scans?|volumes?|vol"
_LABEL_WORDS = (
    r"labels?|label_?map|masks?|segmentations?|segs?|segm|rois?|gt|annotations?|contours?|lesions?|tumou?rs?"
)
_STAGES = r"(?:tr|ts|va)?"  # imagesTr, labelsTs
_IS_LABEL = re.compile(rf"(?<![a-z])(?:{_LABEL_WORDS}){_STAGES}(?![a-z])", re.IGNORECASE)
_IS_IMAGE = re.compile(rf"(?<![a-z])(?:{_IMAGE_WORDS}){_STAGES}(?![a-z])", re.IGNORECASE)
_WORDS = rf"{_IMAGE_WORDS}|{_LABEL_WORDS}|case|patient|venous|portal|0000"
# 100_ct, 100_0000, 100.seg: words behind the id; ct_100, volume-7: before it.
_BEHIND = re.compile(rf"(?P<case>.+?)(?:[-_. ](?:{_WORDS}))+", re.IGNORECASE)
_BEFORE = re.compile(rf"(?:(?:{_WORDS})[-_. ]?)+(?P<case>[0-9].*)", re.IGNORECASE)
# Of all that the paths suggest, as many patterns are compared: those with the most cases.
_COMPARED = 40
_SUFFIX = re.compile(r"(\.seg)?\.(nii\.gz|nii|nrrd|nhdr|mha|mhd)$", re.IGNORECASE)


@dataclass(frozen=True)
class Template:
    """A pattern (relative, POSIX) and what it matches: case id → paths."""

    text: str
    matches: Mapping[str, tuple[PurePosixPath, ...]]

    @property
    def single(self) -> set[str]:
        """Ids with exactly one path."""
        return {id_ for id_, paths in self.matches.items() if len(paths) == 1}

    @property
    def paths(self) -> set[PurePosixPath]:
        """Everything it matches."""
        return {path for paths in self.matches.values() for path in paths}


@dataclass(frozen=True)
class Layout:
    """An image template and the label templates that go with it, best first."""

    image: Template
    labels: tuple[Template, ...]

    @property
    def cases(self) -> list[str]:
        """Ids that have one image and one file of each label template."""
        common = set(self.image.single)
        for template in self.labels:
            common &= template.single
        return sorted(common)


def infer_layout(images: Iterable[Path], folders: Iterable[Path]) -> Layout | None:
    """The layout of image and mask files, or None if no image has a mask.

    Parameters
    ----------
    images
        Image and mask files, relative to the folder that is looked at.
    folders
        DICOM folders, relative too; each is taken for an image unless its name says it is a mask.
    """
    paths = [PurePosixPath(path.as_posix()) for path in images]
    series = [PurePosixPath(path.as_posix()) for path in folders]
    label_paths = [path for path in paths if _is_label(path)]
    image_paths = [path for path in paths if not _is_label(path)]
    labels = _templates(label_paths, False)
    candidates = _templates(image_paths, False) + _templates(series, True)
    pairs = [(image, label) for image in candidates for label in labels]
    if not pairs:
        return None
    image, best = max(pairs, key=lambda pair: _score(*pair))
    matched = image.single & best.single
    if not matched:
        return None
    chosen, covered = [best], best.paths
    for label in sorted(labels, key=lambda label: _score(image, label), reverse=True):
        # another mask of the same cases, not another pattern for the same files
        if len(image.single & label.single) >= 0.9 * len(matched) and not covered & label.paths:
            chosen.append(label)
            covered |= label.paths
    return Layout(image, tuple(chosen))


def _is_label(path: PurePosixPath) -> bool:
    """What the name says, else the nearest folder that says something."""
    for name in reversed(path.parts):
        plain = name.replace("_", " ")
        if _IS_LABEL.search(plain):
            return True
        if _IS_IMAGE.search(plain):
            return False
    return False


def _score(image: Template, label: Template) -> tuple[int, int]:
    """More pairs, fewer images left alone; then the plainer pattern."""
    matched = len(image.single & label.single)
    wildcards = (image.text + label.text).count("*")
    return 2 * matched - len(image.matches), -wildcards * 1000 - len(image.text) - len(label.text)


def _templates(paths: list[PurePosixPath], folders: bool) -> list[Template]:
    found: dict[str, dict[str, list[PurePosixPath]]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        if not set("{}*") & set(str(path)):  # these would be read as wildcards
            for text, id_ in set(_suggestions(path, folders)):
                found[text][id_].append(path)
    merged = _merged(found)
    templates = [
        Template(text, {id_: tuple(paths) for id_, paths in ids.items()})
        for text, ids in (found | merged).items()
    ]
    return sorted(templates, key=lambda t: (-len(t.single), len(t.text), t.text))[:_COMPARED]


def _suggestions(path: PurePosixPath, folder: bool) -> Iterator[tuple[str, str]]:
    """(pattern, id) for everything in a path that may be the case's id."""
    suffix = _SUFFIX.search(path.name) if not folder else None
    stem = path.name[: suffix.start()] if suffix else path.name
    end = "/" if folder else ""
    ids = {stem, *path.parts[-3:-1]}
    ids |= {match["case"] for how in (_BEHIND, _BEFORE) if (match := how.fullmatch(stem))}
    for id_ in ids:
        parts = [_with_field(part, id_) for part in path.parts[:-1]]
        last = _with_field(stem, id_) + path.name[len(stem) :]
        text = "/".join([*parts, last]) + end
        if "{case}" in text:
            yield text, id_


def _with_field(name: str, id_: str) -> str:
    """`name` with the id in it replaced, where it stands alone (``1`` is not the id in ``batch_10``)."""
    return re.sub(rf"(?<![A-Za-z0-9]){re.escape(id_)}(?![A-Za-z0-9])", "{case}", name)


def _merged(
    found: Mapping[str, Mapping[str, list[PurePosixPath]]],
) -> dict[str, dict[str, list[PurePosixPath]]]:
    """Patterns that differ in the names of folders become one with ``*`` there (``batch_*``)."""
    groups: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    for text in found:
        *above, last = text.split("/")  # of a DICOM folder, the last one is empty
        groups[*(part if "{case}" in part else None for part in above), last].append(text)
    merged: dict[str, dict[str, list[PurePosixPath]]] = {}
    for texts in groups.values():
        if len(texts) > 1:
            columns = zip(*(text.split("/") for text in texts), strict=True)
            ids = merged.setdefault("/".join(_common(names) for names in columns), defaultdict(list))
            for text in texts:
                for id_, paths in found[text].items():
                    ids[id_] += [path for path in paths if path not in ids[id_]]
    return merged


def _common(names: Sequence[str]) -> str:
    """What names share at their beginning, without a number that is cut short, and ``*``."""
    if len(set(names)) == 1:
        return names[0]
    shared = 0
    for letters in zip(*names, strict=False):
        if len(set(letters)) > 1:
            break
        shared += 1
    return names[0][:shared].rstrip("0123456789.") + "*"

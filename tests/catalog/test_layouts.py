from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.catalog.layouts import infer_layout
from radstore.catalog.patterns import Folders, Pattern

IDS = ["100000_00001", "100001_00002", "100027_01234"]

# Paths ({} is the id), the image pattern and the label patterns that they should give.
LAYOUTS = {
    "images and labels": (["images/{}.nii.gz"], ["labels/{}.nii.gz"], None),
    "panorama": (["images/{}_0000.nii.gz"], ["labels/{}.nii.gz"], None),
    "nnU-Net": (["imagesTr/{}_0000.nii.gz"], ["labelsTr/{}.nii.gz"], None),
    "decathlon": (
        ["imagesTr/pancreas_{}.nii.gz"],
        ["labelsTr/pancreas_{}.nii.gz"],
        ("imagesTr/{case}.nii.gz", ["labelsTr/{case}.nii.gz"]),
    ),
    "lits": (["volume-{}.nii"], ["segmentation-{}.nii"], None),
    "a folder a case": (["{}/ct.nii.gz"], ["{}/mask.nii.gz"], None),
    "a folder a case, id in names": (["{}/{}_ct.nii.gz"], ["{}/{}_seg.nii.gz"], None),
    "side by side": (["{}_image.nrrd"], ["{}_label.nrrd"], None),
    "slicer": (["{}.nrrd"], ["{}.seg.nrrd"], None),
    "deeper": (["data/ct/{}/scan.mha"], ["data/masks/{}.mha"], None),
    "several masks": (["{}/ct.nii.gz"], ["{}/seg/liver.nii.gz", "{}/seg/pancreas.nii.gz"], None),
    "batches": (
        ["batch_1/{}_0000.nii.gz", "batch_2/x{}_0000.nii.gz"],
        ["labels/{}.nii.gz", "labels/x{}.nii.gz"],
        ("batch_*/{case}_0000.nii.gz", ["labels/{case}.nii.gz"]),
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name: str) -> None:
    images, labels, expected = LAYOUTS[name]
    if expected is None:
        expected = (images[0].replace("{}", "{case}"), [text.replace("{}", "{case}") for text in labels])
    layout = infer_layout([Path(text.replace("{}", id_)) for text in images + labels for id_ in IDS], [])
    assert layout is not None
    assert layout.image.text == expected[0]
    assert sorted(template.text for template in layout.labels) == expected[1]


def test_dicom_folders() -> None:
    series = [Path("dicom") / id_ / "1.2.840" / f"1.2.840.{n}" for n, id_ in enumerate(IDS)]
    layout = infer_layout([Path(f"masks/{id_}.nii.gz") for id_ in IDS], series)
    assert layout is not None
    assert layout.image.text == "dicom/{case}/1.2.840/*/"
    flat = infer_layout([Path(f"{id_}/mask.nii.gz") for id_ in IDS], [Path(id_) / "CT" for id_ in IDS])
    assert flat is not None
    assert flat.image.text == "{case}/CT/"
    beside = infer_layout(
        [Path(f"{id_}.nii.gz") for id_ in map("seg/{}".format, IDS)], [Path(id_) for id_ in IDS]
    )
    assert beside is not None
    assert beside.image.text == "{case}/"


def test_images_without_masks_do_not_choose_a_wider_pattern() -> None:
    paths = [Path(f"imagesTr/{id_}_0000.nii.gz") for id_ in IDS] + [
        Path(f"labelsTr/{id_}.nii.gz") for id_ in IDS
    ]
    paths += [Path(f"imagesTs/t{n}_0000.nii.gz") for n in range(5)]
    layout = infer_layout(paths, [])
    assert layout is not None
    assert layout.image.text == "imagesTr/{case}_0000.nii.gz"


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["a.nii.gz", "b.nii.gz"],
        ["labels/a.nii.gz"],
        ["images/a.nii.gz", "labels/b.nii.gz"],
        ["images/{a}.nii.gz", "labels/{a}.nii.gz"],
    ],
)
def test_nothing_recognised(paths: list[str]) -> None:
    assert infer_layout([Path(path) for path in paths], []) is None


@given(
    ids=st.sets(st.from_regex(r"[0-9]{3,6}(_[0-9]{3})?", fullmatch=True), min_size=2, max_size=6),
    name=st.sampled_from([name for name in LAYOUTS if name != "batches"]),
)
def test_what_it_infers_finds_the_files(
    ids: set[str], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("guess")
    images, labels, _ = LAYOUTS[name]
    paths = [Path(text.replace("{}", id_)) for text in images + labels for id_ in ids]
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")
    layout = infer_layout(paths, [])
    assert layout is not None
    assert len(layout.cases) == len(ids)
    found = {}
    for template in (layout.image, *layout.labels):
        for match in Pattern(template.text, folder, Folders()).find():
            found[match.path.relative_to(folder)] = match.fields["case"]
    assert set(found) == set(paths)
    assert set(found.values()) == set(layout.cases)


def test_a_large_cohort_is_quick() -> None:
    paths = [Path(f"{n:05}/{kind}.nii.gz") for n in range(2000) for kind in ("ct", "mask")]
    layout = infer_layout(paths, [])
    assert layout is not None
    assert len(layout.cases) == 2000

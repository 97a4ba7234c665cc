from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from radstore.catalog import Catalog, Region, load_catalog
from radstore.errors import CatalogError

Load = Callable[[str], Catalog]

FULL = """\
store: ./out
sources:
  ours:
    driver: files
    args:
      image: "{{ CATALOG_DIR }}/images/{case}.nii.gz"
      labels: {organs: "o/{case}.nii.gz", lesions: "{{CATALOG_DIR}}/l/{case}.nii.gz"}
    regions:
      pancreas: [1, 4, 5]
      one: 3
      lesion: {labels: lesions, values: [1]}
  demo: {driver: phantom, args: {cases: 2}}
"""


def test_a_catalog(catalog: Load, tmp_path: Path) -> None:
    loaded = catalog(FULL)
    assert loaded.store == str(tmp_path / "out")
    assert list(loaded.sources) == ["ours", "demo"]
    ours = loaded.sources["ours"]
    assert ours.args["image"] == f"{tmp_path}/images/{{case}}.nii.gz"
    assert ours.args["labels"] == {"organs": "o/{case}.nii.gz", "lesions": f"{tmp_path}/l/{{case}}.nii.gz"}
    assert ours.regions == {
        "pancreas": Region((1, 4, 5)),
        "one": Region((3,)),
        "lesion": Region((1,), "lesions"),
    }
    assert loaded.regions() == ["pancreas", "one", "lesion"]
    assert loaded.regions("demo") == []


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("", "{}/store"),
        ("store: /data/s", "/data/s"),
        ("store: ~/s", "/home/me/s"),
        ("store: s3://bucket/prefix", "s3://bucket/prefix"),
        ('store: "{{ CATALOG_DIR }}/s"', "{}/s"),
        ("store: ../s", "{}/../s"),
    ],
)
def test_where_the_store_is(
    store: str, expected: str, catalog: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert catalog(f"{store}\nsources: {{d: {{driver: phantom}}}}").store == expected.format(tmp_path)


def test_from_another_folder(catalog: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog(FULL)
    monkeypatch.chdir(tmp_path.parent)
    assert load_catalog(f"{tmp_path.name}/catalog.yaml").store == str(tmp_path / "out")


SOURCE = "sources:\n  s:\n    driver: files\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "there are no sources"),
        ("- 1", 1, "the file is [1], not a mapping"),
        ("sources:", 1, "there are no sources"),
        ("stor: x\nsources: {}", 1, "unknown key 'stor'\n  → Did you mean 'store'?"),
        ("store: [x]\nsources: {d: {driver: phantom}}", 1, "store is ['x']"),
        ("sources:\n  s: 3", 2, "the source 's' is 3, not a mapping"),
        ("sources:\n  s: {args: {}}", 2, "names no driver"),
        ("sources:\n  s:\n    driver: file", 3, "no driver 'file'\n  → Did you mean 'files'?"),
        ("sources:\n  s:\n    driver: [files]", 3, "no driver ['files']"),
        (SOURCE + "    region: {}", 4, "unknown key 'region'\n  → Did you mean 'regions'?"),
        (SOURCE + "    args:\n      image: x\n      lables: y", 6, "'lables'\n  → Did you mean 'labels'?"),
        ("sources:\n  d:\n    driver: phantom\n    args:\n      case: 3", 5, "Did you mean 'cases'?"),
        (SOURCE + "    regions: [1]", 4, "regions is [1], not a mapping"),
        (SOURCE + "    regions:\n      a: []", 5, "region 'a' is []"),
        (SOURCE + "    regions:\n      a: [1, 0]", 5, "without 0, which is the background"),
        (SOURCE + "    regions:\n      a: [1, true]", 5, "region 'a' is [1, True]"),
        (SOURCE + "    regions:\n      a: [1.5]", 5, "whole numbers"),
        (SOURCE + "    regions:\n      a: {value: [1]}", 5, "Did you mean 'values'?"),
        (SOURCE + "    regions:\n      a: {labels: 3, values: [1]}", 5, "labels is 3"),
        (SOURCE + "    regions:\n      label-3: [1]", 5, "'label-3' cannot be the name"),
        (SOURCE + "    regions:\n      a/b: [1]", 5, "'a/b' cannot be the name"),
        (SOURCE + "    args: {image: '{{ DATA }}/x'}", 4, "there is no {{ DATA }}"),
        ("sources: {}\nsources: {}", 2, "'sources' stands there twice"),
        ("sources: {", 1, "not YAML"),
    ],
)
def test_refused_with_its_line(text: str, line: int, said: str, catalog: Load, tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog(text)
    assert str(caught.value).startswith(f"{tmp_path / 'catalog.yaml'}, line {line}: ")
    assert said in str(caught.value)
    assert caught.value.remedy


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"catalog.yaml: No such file"):
        load_catalog(tmp_path / "catalog.yaml")


def test_the_repositorys_own() -> None:
    root = Path(__file__).resolve().parents[2]
    loaded = load_catalog(root / "catalog.yaml")
    assert loaded.store == str(root / "store")
    assert loaded.sources["demo"].driver == "phantom"
    assert loaded.regions() == ["pancreas", "lesion"]


def test_its_commented_example_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "catalog.yaml").read_text(encoding="utf-8")
    panorama = re.sub("^  # ", "  ", text[text.index("  # panorama:") :], flags=re.MULTILINE)
    (tmp_path / "catalog.yaml").write_text("sources:\n" + panorama, encoding="utf-8")
    source = load_catalog(tmp_path / "catalog.yaml").sources["panorama"]
    assert source.regions == {"pancreas": Region((1, 4, 5)), "lesion": Region((1,))}

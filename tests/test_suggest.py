from __future__ import annotations

from pathlib import Path

from radstore.suggest import missing_path, near_miss, suggest


def test_near_miss_ignores_case() -> None:
    assert near_miss("binwidth", ["binWidth", "binCount"]) == "binWidth"
    assert near_miss("Sources", ["sources"]) == "sources"
    assert near_miss("nothing", ["binWidth"]) is None
    assert near_miss(7, []) is None


def test_suggest_lists_a_few() -> None:
    assert (
        suggest("stor", ["store", "sources"], "Known are")
        == "Did you mean 'store'? Known are: store, sources."
    )
    assert suggest("zzz", [str(i) for i in range(2000)], limit=2) == "There are: 0, 1 and 1,998 more."
    assert suggest("x", []) == "There are: none."


def test_missing_path(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    message, remedy = missing_path(tmp_path / "labls" / "a.nii")
    assert f"the folder {tmp_path} does; it has 1 entries, but no 'labls'" in message
    assert "Did you mean 'labels'?" in remedy
    link = tmp_path / "link"
    link.symlink_to("gone")
    assert "a link to gone" in missing_path(link)[0]

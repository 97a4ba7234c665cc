from __future__ import annotations

from pathlib import Path

from radstore.cli.app import EXPORTS, VERBS
from radstore.cli.reference import reference

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def test_docs_are_what_the_app_says() -> None:
    assert DOCS.read_text(encoding="utf-8") == reference(), (
        "docs/cli.md is stale: run `python -m radstore.cli.reference > docs/cli.md`"
    )


def test_every_verb_has_a_section() -> None:
    text = reference()
    paths = [verb.__name__ for verb in VERBS] + [f"export {verb.__name__}" for verb in EXPORTS]
    for path in paths:
        assert f"\n## radstore {path}\n" in text
        assert f"](#radstore-{path.replace(' ', '-')})" in text

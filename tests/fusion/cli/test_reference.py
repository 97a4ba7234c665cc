from __future__ import annotations

from pathlib import Path

from fusion.cli.app import VERBS
from fusion.cli.reference import reference

DOCS = Path(__file__).resolve().parents[3] / "docs" / "fusion-cli.md"


def test_docs_are_what_the_app_says() -> None:
    assert DOCS.read_text(encoding="utf-8") == reference(), (
        "docs/fusion-cli.md is stale: run `python -m fusion.cli.reference > docs/fusion-cli.md`"
    )


def test_every_verb_has_a_section() -> None:
    text = reference()
    for verb in VERBS:
        name = verb.__name__.replace("_", "-")
        assert f"\n## fusion {name}\n" in text
        assert f"](#fusion-{name})" in text

"""The report: what the steps left, as Markdown and as one HTML file.

python -m pipelines.report OUT [--quick]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines import ablation, section
from pipelines.page import Block, html_of, markdown, page
from radstore.cli import exits
from radstore.errors import RadstoreError
from radstore.output_file import writing

TITLE = "From radiomics to an nnU-Net that reads them"
PLUMBING = (
    "A quick run: tiny networks, three folds, a minute of training. It shows that every step works on these "
    "data. What its networks score says nothing about the method."
)


def write(out: Path, *, quick: bool = False) -> list[Path]:
    """Write ``report.md`` and ``report.html`` into the folder of the steps' results.

    Parameters
    ----------
    quick
        Whether the networks are those of ``--quick``: then the report says what they are not.

    Raises
    ------
    BadInput
        If a step of the first half has not been run. Of the second half, what is there is told.
    """
    blocks: list[Block] = [*([PLUMBING] if quick else []), *section.blocks(out), *ablation.blocks(out)]
    with writing(out / "report.md") as aside:
        aside.write_text(f"# {TITLE}\n\n" + "\n\n".join(map(markdown, blocks)) + "\n", encoding="utf-8")
    with writing(out / "report.html") as aside:
        aside.write_text(page(TITLE, [html_of(block, out) for block in blocks]), encoding="utf-8")
    return [out / name for name in ("report.md", "report.html", section.SCORES)]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; the folder is the pipeline's ``--out``. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--quick", action="store_true", help="say that the networks mean nothing")
    asked = parser.parse_args(argv)
    try:
        for path in write(asked.out, quick=asked.quick):
            print(f"written: {path}")
    except RadstoreError as error:
        print(f"report: {error}", file=sys.stderr)
        return exits.BAD_INPUT
    return exits.OK


if __name__ == "__main__":
    sys.exit(main())

"""docs/fusion-cli.md, made from the app itself:

python -m fusion.cli.reference > docs/fusion-cli.md
"""

from __future__ import annotations

from fusion.cli.app import app
from radstore.cli.reference import page


def reference() -> str:
    """The whole of docs/fusion-cli.md."""
    return page(app, "fusion", "docs/fusion-cli.md", of=" of fusion")


if __name__ == "__main__":
    print(reference(), end="")

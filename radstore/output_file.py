"""Writing a file that the user named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from radstore.errors import BadInput


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """A path to write to instead, which takes the place of `path` when the block ends well.

    So a file appears whole or not at all, and one that was there stays if anything goes wrong. The folder is
    made if need be.

    Raises
    ------
    BadInput
        If the file cannot be written there.
    """
    path = Path(path)
    aside = path.with_name(f".{uuid4().hex}{path.suffix}")  # the same folder, so that the rename is atomic
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield aside
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written: {error.strerror or error}",
            "Check the folder's permissions and free space, or name another file.",
        ) from error

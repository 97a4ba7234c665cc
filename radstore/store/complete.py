"""Zarr reads a chunk that is not there or empty as fill values; here all were written, so it is damage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zarr.abc.store import Store
from zarr.storage import ObjectStore, WrapperStore

from radstore.errors import CorruptBlock
from radstore.store.remote import refuse_fork

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_CHUNK = re.compile(r".*/c(/\d+)+")


class CompleteStore(WrapperStore[Store]):
    """A Zarr store in which a missing or empty chunk is an error.

    Raises
    ------
    CorruptBlock
        When such a chunk is read.
    """

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        if isinstance(self._store, ObjectStore):
            refuse_fork()
        found = await super().get(key, prototype, byte_range)
        if not found and _CHUNK.fullmatch(key):
            what = "missing" if found is None else "empty"
            raise CorruptBlock(
                f"{self._store}/{key} is {what}", "Run `radstore verify`, it says how to mend it."
            )
        return found

"""Everything radstore raises on purpose.

RadstoreError
├── BadInput            what the user gave cannot be used; nothing was changed (exit code 2)
│   ├── CatalogError        catalog.yaml, a table, a file pattern
│   ├── SpecError           a feature or setting that does not exist or cannot be combined
│   ├── EngineError         an engine that is not there or cannot do what the spec asks
│   └── StoreError          a store that is foreign, newer, unwritable, or lacks what was asked
├── CaseError           one case cannot be used; the others go on
│   ├── LabelsError         a label file that is missing, or one of several; the image can still be used
│   ├── ReadError           a file that is missing, truncated or not an image
│   └── RegionError         a mask that is empty, too small, or does not fit its image
├── ConflictError       two builders gave one block of one case two different contents
└── CorruptBlock        bytes in the store do not match their digest

Every message has three parts: the value that is wrong, where it came from, and what to do.
"""

from __future__ import annotations


class RadstoreError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    message
        What is wrong and where: the offending value and the file or case it came from.
    remedy
        What the user can do about it, in full sentences; shown behind the message.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message


class BadInput(RadstoreError):
    """What the user gave cannot be used; nothing was changed."""


class CatalogError(BadInput):
    """The catalog, one of its tables or one of its file patterns is wrong."""


class SpecError(BadInput):
    """A feature or a setting does not exist, or cannot be combined with another."""


class EngineError(BadInput):
    """An engine is not there, or cannot compute what the spec asks."""


class StoreError(BadInput):
    """A store is foreign, newer than this program, unwritable, or lacks what was asked."""


class CaseError(RadstoreError):
    """One case cannot be used; the others go on.

    `step` names where it happened: ``find``, ``read``, ``region``, ``vector``, ``maps`` or ``store``.
    """

    step = "case"


class LabelsError(CaseError):
    """A case's label file is missing, or there are several; what needs only its image can go on."""

    step = "find"


class ReadError(CaseError):
    """A file is missing, truncated, or not an image we can use."""

    step = "read"


class RegionError(CaseError):
    """A mask is empty, too small, or does not fit its image."""

    step = "region"


class ConflictError(RadstoreError):
    """Two builders gave one block of one case two different contents."""


class CorruptBlock(RadstoreError):
    """Bytes in the store do not match the digest they were written with."""

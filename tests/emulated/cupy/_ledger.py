"""What the device was asked to do, in its order, so that tests can count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """What happened since `clear`.

    Parameters
    ----------
    uploads, downloads
        Bytes of each copy from and to the host, those of single numbers (``float(array)``) among them.
    kernels
        Our own kernels that ran, in their order.
    launches
        How often CuPy's functions ran kernels of their own, by name.
    waits
        How often the host waited for the device, by what for: a launch costs microseconds, waiting for all
        that were queued as long as they take.
    """

    uploads: list[int] = field(default_factory=list)
    downloads: list[int] = field(default_factory=list)
    kernels: list[str] = field(default_factory=list)
    launches: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        """Begin anew."""
        for each in (self.uploads, self.downloads, self.kernels, self.launches, self.waits):
            each.clear()


ledger = Ledger()

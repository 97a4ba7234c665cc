"""Who works on a build: processes that take whole cases, or one a GPU and readers that keep it fed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radstore.build.devices import Device

# Measured for a CT of 105 MB on one core: decoded, masked and digested in 0.45 s; in 1.5 s when its block is
# written as well, which happens once. Its features are to take a GPU no more than 0.1 s.
READERS = 12  # for each GPU, if there are as many cores
AHEAD = 2  # cases in flight for each reader and each GPU: one at work, one waiting

# Resources that Dask's workers declare: a task that needs one runs nowhere else, and one at a time for each.
GPU, IO = "GPU", "IO"


@dataclass(frozen=True)
class Crew:
    """Processes on this machine; an empty one leaves the work to the workers of a scheduler.

    Parameters
    ----------
    workers
        Processes that each take a case from beginning to end, on the CPU.
    devices
        GPUs; each has a process that computes there.
    readers
        Processes that decode and crop for them.
    why
        Why these devices.
    """

    workers: int = 0
    devices: tuple[Device, ...] = ()
    readers: int = 0
    why: str = ""

    @property
    def processes(self) -> int:
        """All of them."""
        return self.workers + len(self.devices) + self.readers

    @property
    def held(self) -> int:
        """How many cases it may hold in memory at a time, beside those its processes are at work on."""
        return AHEAD * (len(self.devices) + self.readers) if self.devices else 0

    def threads(self, cores: int) -> int:
        """How many threads each process may use: the cores that are left over serve them all."""
        return max(1, cores // max(1, self.processes))


def with_gpus(devices: Sequence[Device], cases: int, cores: int, readers: int | None) -> Crew:
    """One process a GPU and `READERS` for each, as long as there are cores and cases for them.

    Parameters
    ----------
    cases
        How many there are to work on: no more GPUs and no more readers are used.
    cores
        Each GPU's process keeps one busy; the others can read.
    readers
        As many as the user asked for; None: as said.
    """
    used = tuple(devices[:cases])
    fitting = max(1, cores - len(used))
    wanted = min(READERS * len(used), fitting) if readers is None else readers
    return Crew(devices=used, readers=min(wanted, cases))

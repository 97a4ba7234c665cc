"""A forked DataLoader reads blocks after its parent has read some, and does not hang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = """
import faulthandler, sys, warnings
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from radstore.store.query import open_store

faulthandler.dump_traceback_later(40, exit=True)  # a hang fails, and says where
warnings.simplefilter("error")
warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)


class Patches(Dataset):
    def __init__(self, location):
        self.snapshot = open_store(location)
        self.open = {case: self.snapshot.case(case).image for case in self.snapshot.cases[:2]}

    def __len__(self):
        return 8 * len(self.snapshot.cases)

    def __getitem__(self, at):
        name = self.snapshot.cases[at % len(self.snapshot.cases)]
        image = self.open.get(name)  # some were opened by the parent, some are opened here
        image = self.snapshot.case(name).image if image is None else image
        return torch.from_numpy(image[:, :33, 5:].values.astype(np.float32))


dataset = Patches(sys.argv[1])
expected = torch.stack([dataset[at] for at in range(len(dataset))])  # zarr's threads run now
loader = DataLoader(dataset, batch_size=4, num_workers=2, multiprocessing_context="fork", timeout=30)
assert torch.equal(torch.cat(list(loader)), expected)
assert torch.equal(dataset[0], expected[0])  # and the parent goes on
print("read", len(dataset))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_loader_does_not_hang(make: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for case in "abcd":
        array = rng.integers(-1000, 1000, (10, 40, 35)).astype(np.int16)
        make.commit(case, make.record(case, image=make.image(case, array)))
    script = tmp_path / "load.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "store")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["read", "32"]

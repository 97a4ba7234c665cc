"""A real abdominal CT: nnU-Net's own preprocessing of the file, bit for bit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

import fusion.nnunet  # noqa: F401
from fusion.samples import make_sample
from radstore.images.read import read_image


def test_stage_1_of_a_real_ct(shared_data: Path, tiny: SimpleNamespace) -> None:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    path = shared_data / "totalsegmentator" / "example_ct_sm.nii.gz"
    plans = tiny.plans((9.0, 4.5, 4.5))
    manager = PlansManager(plans)
    configuration = manager.get_configuration("3d_fullres")
    stock = DefaultPreprocessor(verbose=False)
    data, _, _ = stock.run_case([str(path)], None, manager, configuration, {"labels": {"background": 0}})
    np.testing.assert_array_equal(make_sample(read_image(path), plans).data, data)

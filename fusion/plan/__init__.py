"""From a store and a catalog to nnU-Net plans: fingerprint, the stock planner, statistics of the channels.

Nothing of ``nnUNet_raw`` is needed: the fingerprint is computed from the store and the label files, the
planner is nnU-Net's own.
"""

from fusion.plan.api import plan
from fusion.plan.names import plan_folder, plan_name, read_plan
from fusion.plan.overrides import Overrides
from fusion.plan.report import PlanReport
from fusion.plan.rows import plans_for_row

__all__ = ["Overrides", "PlanReport", "plan", "plan_folder", "plan_name", "plans_for_row", "read_plan"]

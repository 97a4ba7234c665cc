"""From what Stage 1 found to the region that Stage 2 looks at; predicted out of fold, kept in the store."""

from fusion.regions.assignment import Models, Stage1
from fusion.regions.fallback import Fallback
from fusion.regions.out_of_fold import region_name, require_out_of_fold
from fusion.regions.predict import predict_regions
from fusion.regions.rule import RegionRule, region_from_labels
from fusion.regions.run import RegionsReport

__all__ = [
    "Fallback",
    "Models",
    "RegionRule",
    "RegionsReport",
    "Stage1",
    "predict_regions",
    "region_from_labels",
    "region_name",
    "require_out_of_fold",
]

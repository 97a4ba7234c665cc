"""What a feature is worth before it is computed for a cohort: does it see the image, and does it hold still?

perturbations  masks and images changed a little, seeded; the one place for it
icc            the intraclass correlation of what is then computed
draws          which cases are looked at, and the random numbers of each
measure        the features of one case, of its perturbations, and of another image in its mask
levels         how many grey levels a feature is computed from
flags          what is wrong with a feature: numbers and a remedy
examine        all of it on a sample of cases
"""

from radstore.quality.examine import Examination, examine
from radstore.quality.flags import Flag
from radstore.quality.icc import Icc, icc
from radstore.quality.perturbations import Strengths

__all__ = ["Examination", "Flag", "Icc", "Strengths", "examine", "icc"]

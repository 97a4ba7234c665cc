"""Statistics of predictions: who is told, what is found, and whether one row is better than another.

rows        folders of predictions, brought together and checked
truth       what was drawn in a case
picai       candidates matched to lesions, by picai_eval
cases       one case: what each row made of it
scores      AUROC, AP, their mean; by fold
ranking     the same for thousands of weightings at once, for
bootstrap   intervals over patients, and
compare     permutation tests between rows
dice        the structures
strata      by lesion size, site, scanner, any column
curves      ROC, precision-recall, FROC
cohort      all of it for one cohort
evaluation  the records, and how they are written, with
tables      Markdown, and
figures     PNG
api         `evaluate`
"""

from fusion.evaluate.api import evaluate
from fusion.evaluate.evaluation import Evaluation

__all__ = ["Evaluation", "evaluate"]

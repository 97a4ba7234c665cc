"""Selection: from a table of features to the few that tell two classes apart, without leakage.

classes      from a column of labels to two classes
cohort       the labelled cases of a table
options      every choice the numbers depend on
procedure    from training cases to a set of features
rules        from the sets of all folds to one
stability    how much they agree
sites        where cases were scanned, harmonised inside the folds
nested       what the whole procedure is worth on cases it never saw
null         the same for labels that mean nothing
single       what each feature tells apart alone
selection    `select_features`: all of it, on a table
provenance   where it comes from and what it is worth, as plain JSON
files        selected.yaml and what goes with it
api          `select`: all of it, on a view of a store
"""

from radstore.select.api import SelectReport, select
from radstore.select.cohort import Cohort, cohort_of
from radstore.select.options import Options
from radstore.select.selection import Selection, select_features

__all__ = ["Cohort", "Options", "SelectReport", "Selection", "cohort_of", "select", "select_features"]

"""Folds: who is trained on and who is held out, with no patient on both sides.

labels   what a case's class is called
roll     the cases to be split
sizes    how large their lesions are, counted in the label images
strata   groups of cases that every fold should have its share of
folds    the assignment, and the check that no patient is in two folds
files    folds that somebody else made
stored   folds that a store has
outcome  what a split is like
api      `split`: all of it, kept in the store
"""

from radstore.split.api import SplitReport, split

__all__ = ["SplitReport", "split"]

"""AUROC and average precision, over folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """How well held-out (or not held-out) cases were told apart.

    Parameters
    ----------
    auroc, ap
        Area under the ROC curve, and average precision, of each fold.
    """

    auroc: tuple[float, ...]
    ap: tuple[float, ...]

    @property
    def mean_auroc(self) -> float:
        return float(np.mean(self.auroc))

    @property
    def sd_auroc(self) -> float:
        """Between folds (n − 1); NaN for a single one."""
        return _sd(self.auroc)

    @property
    def mean_ap(self) -> float:
        return float(np.mean(self.ap))

    @property
    def sd_ap(self) -> float:
        return _sd(self.ap)

    def __str__(self) -> str:
        if len(self.auroc) == 1:
            return f"AUROC {self.mean_auroc:.3f}, AP {self.mean_ap:.3f}"
        return f"AUROC {self.mean_auroc:.3f} ± {self.sd_auroc:.3f}, AP {self.mean_ap:.3f} ± {self.sd_ap:.3f}"

    def to_json(self) -> dict[str, object]:
        """As plain JSON."""
        return {
            "auroc": self.mean_auroc,
            "auroc_sd": self.sd_auroc,
            "ap": self.mean_ap,
            "ap_sd": self.sd_ap,
            "folds": {"auroc": list(self.auroc), "ap": list(self.ap)},
        }


def scored(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Scores:
    """The scores of pairs of truth and decision value, each with both classes."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    return Scores(
        tuple(float(roc_auc_score(truth, decision)) for truth, decision in parts),
        tuple(float(average_precision_score(truth, decision)) for truth, decision in parts),
    )


def auroc_of(truth: np.ndarray, decision: np.ndarray) -> float:
    """One AUROC; NaN if there is one class only."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, decision)) if 0 < truth.sum() < len(truth) else np.nan


def _sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")

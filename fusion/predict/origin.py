"""`Origin`: what made predictions, and whether those of two runs may stand beside each other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Origin:
    """What predicted: two predictions with the same origin may stand in one folder.

    Parameters
    ----------
    row
        Of the ablation.
    stage
        2, or 1 where only the structures were predicted.
    models
        Of each chain ``fold``, ``folder``, the ``digest`` of its checkpoint, and its ``protocol``: how out of
        fold it is (`fusion.protocol`).
    spec_hash
        Of the features that the models were trained with; empty where they take none.
    settings
        Everything else that changes numbers: tile step, mirroring, the candidates' rule.
    """

    row: str
    stage: int = 2
    models: Sequence[Mapping[str, Any]] = ()
    spec_hash: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it heads ``predictions.json``."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    def differs(self, other: Origin) -> str:
        """Why the predictions of two origins cannot stand beside each other; empty if they can.

        One may have more chains than the other: a case says which chains predicted it.
        """
        mine, theirs = self.to_json(), other.to_json()
        names = [name for name in mine if name != "models" and mine[name] != theirs[name]]
        if names:
            return f"another {', another '.join(names)}"
        known = {model["fold"]: model["digest"] for model in mine["models"]}
        changed = [m["fold"] for m in theirs["models"] if known.get(m["fold"], m["digest"]) != m["digest"]]
        return f"chain {changed[0]} was trained again since" if changed else ""

    def joined(self, other: Origin) -> Origin:
        """With the models of both."""
        models = {model["fold"]: model for model in (*self.models, *other.models)}
        return replace(self, models=[models[fold] for fold in sorted(models)])

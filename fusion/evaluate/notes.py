"""What a report tells of its rows: the same thing of several rows once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from fusion.protocol import Protocol, judged_by, tell


def of_rows(told: Mapping[str, Sequence[str]], rows: Collection[str]) -> list[str]:
    """Lines, each with the rows that it is about before it; `told`: line → rows."""
    everybody = list(rows) if len(rows) > 1 else []
    return [
        f"{'all rows' if list(these) == everybody else ', '.join(these)}: {line}"
        for line, these in told.items()
    ]


def of_protocols(protocols: Mapping[str, Protocol]) -> list[str]:
    """How out of fold the rows' predictions are, and whether they differ in it."""
    told: dict[str, list[str]] = {}
    for row, protocol in protocols.items():
        for word in protocol:
            told.setdefault(tell(word), []).append(row)
    notes = of_rows(told, protocols)
    if len({judged_by(protocol) for protocol in protocols.values()}) > 1:
        notes.append("the rows' protocols differ: what differs between rows may be due to that alone")
    return notes

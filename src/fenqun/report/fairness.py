"""What the published segments give away of attributes that are declared sensitive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenqun.report.artifacts import Artifacts
from fenqun.report.numbers import count, number, percent
from fenqun.report.said import Said
from fenqun.report.terms import column_term
from fenqun.report.words import say

FAIRNESS: dict[str, Said] = {
    "stands_in": Said("segments stand in for it", "分群几乎等同于它"),
    "gives_away": Said("segments hint at it", "分群对它有所透露"),
    "chance": Said("no more than chance", "不高于随机"),
    "too_few": Said("too few users to say", "用户过少，无法判断"),
    "unknown": Said("not known for enough users", "已知的用户不足"),
}


@dataclass(frozen=True)
class FairnessRow:
    """One attribute: each figure with its interval, and the interval that chance gives."""

    name: str
    figures: list[tuple[str, str, str]]
    base: str
    n: str
    words: Said
    strong: bool


def fairness_rows(found: Artifacts) -> list[FairnessRow]:
    """Return the sensitive attributes in the order of the settings; none where none is declared."""
    measured: Mapping[str, Any] = found.figures("evaluation").get("fairness") or {}
    return [_row(column_term(name), told) for name, told in measured.items()]


def fairness_warnings(found: Artifacts) -> list[Said]:
    """Return one warning an attribute that the segments stand in for."""
    measured: Mapping[str, Any] = found.figures("evaluation").get("fairness") or {}
    return [
        say(
            "warn_fairness",
            what=column_term(name),
            auc=number(told["auc"]["value"]),
            v=number(told["cramers_v"]["value"]),
        )
        for name, told in measured.items()
        if told and told["verdict"] == "stands_in"
    ]


def _row(name: str, told: Mapping[str, Any] | None) -> FairnessRow:
    if not told:
        return FairnessRow(name, [], "–", "–", FAIRNESS["unknown"], False)
    figures = [
        (
            number(told[code]["value"]),
            f"{number(told[code]['low'])} – {number(told[code]['high'])}",
            f"{number(told[code]['chance_low'])} – {number(told[code]['chance_high'])}",
        )
        for code in ("macro_f1", "auc", "cramers_v")
    ]
    base = f"{percent(told['base_rate'])} · {number(told['base_f1'])}"
    verdict = told["verdict"]
    return FairnessRow(name, figures, base, count(told["n"]), FAIRNESS[verdict], verdict == "stands_in")

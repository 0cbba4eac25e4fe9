"""The search for settings in the report: what was given, what was taken, why each trial lost, and what time says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenqun.evaluation.goals import figures_of
from fenqun.explanation.wording import clean
from fenqun.report.artifacts import Artifacts
from fenqun.report.notices import patterns, translated
from fenqun.report.numbers import number, signed, span
from fenqun.report.said import Said, same
from fenqun.report.terms import METRICS, term
from fenqun.report.words import say

_CLAUSES = patterns(
    (r"nothing could be judged on validation time", "验证期无法评估"),
    (r"below the median before its sequence model was trained", "训练序列模型之前低于中位数"),
    (r"the settings as given", "所给的设置"),
    (r"no trial leads them clearly", "没有试验明显领先"),
    (r"trial (\d+) leads them clearly", "试验 {0} 明显领先"),
    (
        r"(goal|lift|value) (\S+) on the settings as given at (\d+) segments, standard error (\S+)",
        "{0}在 {2} 个分群时比所给设置 {1}，标准误 {3}",
    ),
    (r"the settings as given could not be judged, and stay", "所给设置无法评估，予以保留"),
    (r"no more than luck gives the best of (\d+) trials", "不超过 {0} 次试验中最好者凭运气所得"),
    (r"no clear lead", "没有明显领先"),
    (r"the best of all", "所有试验中最好"),
    (r"level with the best, trial (\d+), with fewest segments", "与最好的试验 {0} 持平，且分群数最少"),
    (
        r"level with the best, but (\d+) segments against (\d+) of trial (\d+)",
        "与最好者持平，但分群数为 {0}，试验 {2} 为 {1}",
    ),
    (r"level with trial (\d+), which ranks before it", "与试验 {0} 持平，后者名次在前"),
    (r"behind trial (\d+) by more than a standard error", "落后试验 {0} 超过一个标准误"),
)
_FIGURES = {"goal": "目标指标", "lift": "提升", "value": "价值解释率"}


@dataclass(frozen=True)
class SearchView:
    """The search.

    Attributes
    ----------
    lead, outcome
        What was searched and how it ended on validation time; what test time says of that.
    figures
        Names of the objective's figures.
    changed
        Setting, value as given, value taken.
    rows
        Trials: number, blocks, k, figures with their leads, whether chosen, why.
    """

    lead: Said
    outcome: Said
    figures: list[Said]
    changed: list[tuple[str, str, str]]
    rows: list[dict[str, Any]]


def search_view(found: Artifacts) -> SearchView | None:
    """Return the search, None where the run made none."""
    told = found.figures("search")
    if found.search is None or "trials" not in told:
        return None
    names = ("lift", "value") if told["objective"] == "both" else (told["objective"],)
    rows = [_row(row, names) for row in found.search.to_pylist()]
    lead = (
        say("search_lead", n=len(rows), number=told["trial"]) if told["trial"] else say("search_kept", n=len(rows))
    )
    given, chosen = told["given"], told["chosen"]
    changed = [(path, _plain(given[path]), _plain(value)) for path, value in chosen.items() if given[path] != value]
    figures = [term(METRICS, figures_of(found.config.goal)[0] if name == "goal" else name) for name in names]
    return SearchView(lead, _confirmed(found), figures, changed, rows)


def search_reason(text: str) -> Said:
    """Return why a trial of the search won or lost in both languages; a clause that is not known stays as it is.

    >>> search_reason("lift -0.0100 on the settings as given at 6 segments, standard error 0.0200; no clear lead").zh
    '提升在 6 个分群时比所给设置 -0.0100，标准误 0.0200；没有明显领先'
    """
    clauses = text.split("; ")
    return Said(text, "；".join(translated(clause, _CLAUSES, _word) or clause for clause in clauses))


def _word(text: str) -> str:
    return _FIGURES.get(text, text)


def _confirmed(found: Artifacts) -> Said:
    """Say what test time, which the search never saw, makes of its choice; nothing where nothing was taken."""
    told = found.figures("confirmation")
    leads = [lead for lead in (told.get("leads") or {}).values() if lead["gain"] is not None]
    if not told:
        return same("")
    if not leads:
        return say("search_unjudged")
    parts = [
        say(
            "search_test",
            what=term(METRICS, lead["figure"]),
            gain=signed(lead["gain"]),
            interval=span(lead["low"], lead["high"]),
        )
        for lead in leads
    ]
    if told["confirmed"]:
        verdict = say("search_confirmed")
    else:
        verdict = say("search_worse" if any(lead["high"] < 0 for lead in leads) else "search_open")
    return Said("; ".join(part.en for part in parts) + ". " + verdict.en,
                "；".join(part.zh for part in parts) + "。" + verdict.zh)  # fmt: skip


def _row(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "trial": row["trial"],
        "blocks": row["blocks"] or "–",
        "k": "–" if row["k"] is None else row["k"],
        "figures": [
            (number(row[name]), signed(row[f"{name}_gain"]), number(row[f"{name}_gain_se"])) for name in names
        ],
        "chosen": row["verdict"] == "chosen",
        "why": search_reason(clean(row["why"], 400)),
    }


def _plain(value: Any) -> str:
    return clean(value if isinstance(value, str) else json.dumps(value), 80)

"""Who won on each axis that a test can judge, and what that means for the choice of segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from fenqun.evaluation.comparison import Verdict, verdicts
from fenqun.explanation.wording import capitalise
from fenqun.report.figures import rows_at
from fenqun.report.numbers import count, number, percent
from fenqun.report.said import Said, joined, together
from fenqun.report.terms import STRATEGIES, metric_parts, metric_term, term
from fenqun.report.words import say
from fenqun.scenarios import Scenario

State = Literal["ours", "theirs", "mixed", "open"]

_HEADLINES = {
    "lists": ("ndcg", "hit_rate", "recall", "precision"),
    "value": ("explained_value", "explained_events", "explained_retained"),
    "labels": ("nmi", "f1", "ari"),
}
"""Of each axis that has a test, its metrics in the order in which they speak for it."""


@dataclass(frozen=True)
class Duel:
    """One tested metric: who leads it, by how much, and whether that is established."""

    metric: str
    leader: str
    established: bool
    title: Said
    text: Said


@dataclass(frozen=True)
class AxisVerdict:
    """What the tests of one axis say.

    Attributes
    ----------
    axis
        ``lists``, ``value`` or ``labels``.
    title, answer
        The question, and who won.
    state
        ``ours``: the published strategy won; ``theirs``: another one; ``mixed``: it depends on the row;
        ``open``: no lead is established.
    duels
        The rows that speak for the axis, the first decides (of labels: the first of each label).
    n
        Users that they rest on.
    """

    axis: str
    title: Said
    answer: Said
    state: State
    duels: tuple[Duel, ...]
    n: str


@dataclass(frozen=True)
class Verdicts:
    """The verdict by axis, and what it means, what was lost first."""

    axes: tuple[AxisVerdict, ...]
    meaning: Said


def verdicts_at(table: pa.Table, k: int) -> list[Verdict]:
    """Return who won each metric at ``k`` segments, or at the nearest number that was judged."""
    found: dict[tuple[str, str], Verdict] = {}
    for one in sorted(verdicts(table), key=lambda v: (abs(v.k - k), v.k)):
        found.setdefault((one.axis, one.metric), one)
    order = list(dict.fromkeys(zip(table["axis"].to_pylist(), table["metric"].to_pylist(), strict=True)))
    return sorted(found.values(), key=lambda v: order.index((v.axis, v.metric)))


def is_tested(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether paired differences were computed for a metric: without them nobody won or lost it."""
    return any(row["difference_low"] is not None for row in rows)


def verdict(table: pa.Table | None, published: str, k: int, domain: Scenario) -> Verdicts:
    """Say who won on each axis and what that means. Rows without a test count for nobody.

    Parameters
    ----------
    table
        Schema :data:`fenqun.schema.COMPARISON`, None where strategies were not compared.
    published
        The strategy whose segments are published.
    k
        Their number.
    domain
        Gives value its name.
    """
    who = term(STRATEGIES, published)
    if table is None or not table.num_rows:
        return Verdicts((), together([say("verdict_missing"), say("verdict_published", who=who)]))
    if set(table["strategy"].to_pylist()) <= {published}:
        return Verdicts((), say("verdict_alone", who=who))
    winners = {(one.axis, one.metric): one for one in verdicts_at(table, k)}
    axes = tuple(
        axis for name in _HEADLINES if (axis := _axis(table, name, winners, published, k, domain)) is not None
    )
    return Verdicts(axes, together(_meaning({axis.axis: axis for axis in axes}, published, domain)))


def _axis(
    table: pa.Table,
    axis: str,
    winners: dict[tuple[str, str], Verdict],
    published: str,
    k: int,
    domain: Scenario,
) -> AxisVerdict | None:
    tested = {
        metric: rows
        for name, metric in winners
        if name == axis and is_tested(rows := rows_at(table, metric, axis, k))
    }
    speaking = _speaking(axis, list(tested))
    if not speaking:
        return None
    duels = tuple(_duel(axis, winners[axis, metric], tested[metric], published, domain) for metric in speaking)
    # on value the first row decides, on labels each label is a question of its own
    deciding = duels if axis == "labels" else duels[:1]
    state, answer = _answer(deciding, published)
    sizes = sorted({row["n"] for metric in speaking for row in tested[metric]})
    n = count(sizes[0]) if len(sizes) == 1 else f"{count(sizes[0])}–{count(sizes[-1])}"
    title = say(f"ask_{axis}", value=Said(*domain.value_name))
    return AxisVerdict(axis, title, answer, state, duels, n)


def _speaking(axis: str, metrics: list[str]) -> list[str]:
    """Return the metrics that speak for an axis: of lists one, of value all, of labels one each."""
    order = _HEADLINES[axis]
    known = [metric for metric in metrics if metric_parts(metric)[1] in order]
    known.sort(key=lambda metric: order.index(metric_parts(metric)[1]))
    if axis == "labels":
        first: dict[str, str] = {}
        for metric in known:
            first.setdefault(metric_parts(metric)[0], metric)
        return list(first.values())
    return known[:1] if axis == "lists" else known


def _duel(axis: str, one: Verdict, rows: list[dict[str, Any]], published: str, domain: Scenario) -> Duel:
    """Put the leader beside the published strategy, or, where that leads, beside the next best."""
    show = percent if axis == "value" else number
    sign = 1 if rows[0]["better"] == "higher" else -1
    others = [row for row in rows if row["strategy"] != one.winner]
    rivals = [row for row in others if row["strategy"] == published] or others
    rival = max(rivals, key=lambda row: sign * row["value"])
    title = _capital(_what(one.metric, domain)) if axis == "value" else metric_term(one.metric)
    text = say(
        "duel", who=term(STRATEGIES, one.winner), value=show(one.value), other=show(rival["value"]),
        rival=term(STRATEGIES, rival["strategy"]),
    )  # fmt: skip
    return Duel(one.metric, one.winner, one.established, title, text)


def _capital(said: Said) -> Said:
    return Said(capitalise(said.en), said.zh)


def _what(metric: str, domain: Scenario) -> Said:
    """Return what a metric of the axis of value explains."""
    return Said(*domain.value_name) if metric == "explained_value" else say(f"what_{metric}")


def _answer(duels: Sequence[Duel], published: str) -> tuple[State, Said]:
    sure = list(dict.fromkeys(duel.leader for duel in duels if duel.established))
    if not sure:
        return "open", say("no_winner")
    names = joined([term(STRATEGIES, name) for name in sure])
    if len(sure) > 1:
        return "mixed", names
    return ("ours" if sure == [published] else "theirs"), names


def _meaning(axes: dict[str, AxisVerdict], published: str, domain: Scenario) -> list[Said]:
    """Say what to make of it; what the published strategy lost comes first."""
    lists, value = axes.get("lists"), axes.get("value")
    lost: list[Said] = []
    won: list[Said] = []
    if lists is not None:
        duel = lists.duels[0]
        if lists.state == "theirs":
            lost.append(say("lists_lost", who=term(STRATEGIES, duel.leader), code=duel.leader))
        elif lists.state == "ours":
            won.append(say("lists_won"))
        else:
            lost.append(say("lists_open"))
    if value is not None:
        duel = value.duels[0]
        what = _what(duel.metric, domain)
        if value.state == "theirs":
            lost.append(say("value_lost", who=term(STRATEGIES, duel.leader), what=what))
        elif value.state == "ours":
            won.append(say("value_won", what=what))
        else:
            lost.append(say("value_open", what=what))
    else:
        won.append(say("value_unjudged"))
    if lists is None and value is None:
        return [say("verdict_published", who=term(STRATEGIES, published)), *won]
    return lost + won

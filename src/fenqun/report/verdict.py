"""Who won, in two sentences; where another strategy than the published one won, that comes first."""

from __future__ import annotations

import pyarrow as pa

from fenqun.evaluation.comparison import Verdict, verdicts
from fenqun.report.figures import rows_at
from fenqun.report.numbers import number
from fenqun.report.terms import STRATEGIES, metric_term, term
from fenqun.report.words import Said, joined, same, say

_NAMED = 4  # lost figures that are named


def verdicts_at(table: pa.Table, k: int) -> list[Verdict]:
    """Return who won each metric at ``k`` segments, or at the nearest number that was judged."""
    found: dict[tuple[str, str], Verdict] = {}
    for one in sorted(verdicts(table), key=lambda v: (abs(v.k - k), v.k)):
        found.setdefault((one.axis, one.metric), one)
    order = list(dict.fromkeys(zip(table["axis"].to_pylist(), table["metric"].to_pylist(), strict=True)))
    return sorted(found.values(), key=lambda v: order.index((v.axis, v.metric)))


def verdict(table: pa.Table | None, published: str, k: int) -> list[Said]:
    """Say in plain words how the published strategy did.

    Parameters
    ----------
    table
        Schema :data:`fenqun.schema.COMPARISON`, None where strategies were not compared.
    published
        The strategy whose segments are published.
    k
        Their number.
    """
    who = term(STRATEGIES, published)
    found = [] if table is None else verdicts_at(table, k)
    if table is None or not found:
        return [say("verdict_missing"), say("verdict_published", who=who)]
    if set(table["strategy"].to_pylist()) <= {published}:
        return [say("verdict_alone", who=who)]
    lost = [one for one in found if one.winner != published]
    won = [one for one in found if one.winner == published]
    first = _lost(lost, len(found)) if lost else say("verdict_won_first")
    if not won:
        return [first, say("verdict_none", who=who, all=len(found))]
    sure = sum(one.established for one in won)
    example = _example(table, won, published, k)
    second = say("verdict_won", who=who, n=len(won), all=len(found), sure_n=sure, example=example)
    return [first, second]


def _lost(lost: list[Verdict], n: int) -> Said:
    named = sorted(lost, key=lambda one: not one.established)[:_NAMED]
    groups: dict[tuple[str, bool], list[Said]] = {}
    for one in named:
        groups.setdefault((one.winner, one.established), []).append(metric_term(one.metric))
    parts = [
        say("verdict_lost_row", who=term(STRATEGIES, winner), what=joined(metrics),
            sure=say("established" if sure else "not_established"))
        for (winner, sure), metrics in groups.items()
    ]  # fmt: skip
    rows = Said("; ".join(part.en for part in parts), "；".join(part.zh for part in parts))
    if len(lost) > len(named):
        more = say("verdict_more", n=len(lost) - len(named))
        rows = Said(rows.en + more.en, rows.zh + more.zh)
    return say("verdict_lost", n=len(lost), all=n, rows=rows)


def _example(table: pa.Table, won: list[Verdict], published: str, k: int) -> Said:
    """Return one figure that the published strategy won, beside its nearest rival."""
    one = min(won, key=lambda v: (v.metric != "ndcg", not v.established))
    rows = rows_at(table, one.metric, one.axis, k)
    rivals = [row for row in rows if row["strategy"] != published]
    if not rivals:
        return same("")
    rival = min(rivals, key=lambda row: abs(row["value"] - one.value))
    return say(
        "verdict_example", what=metric_term(one.metric), value=number(one.value), other=number(rival["value"]),
        rival=term(STRATEGIES, rival["strategy"]),
    )  # fmt: skip

"""Whether a company should keep the segments that it already has."""

from __future__ import annotations

import pyarrow as pa

from fenqun.report.figures import rows_at
from fenqun.report.said import NOTHING, Said, joined, together
from fenqun.report.words import say
from fenqun.scenarios import Scenario

_JUDGED = {"lists": ("ndcg",), "value": ("explained_value", "explained_events")}
"""Of each axis, the metric that decides: the first that the log can judge."""


def keep_external(table: pa.Table | None, k: int, domain: Scenario) -> Said:
    """Say in two sentences when to keep a company's own segments; nothing where the comparison has none.

    Parameters
    ----------
    table
        Schema :data:`fenqun.schema.COMPARISON`: differences are a strategy's figure less that of ``learned``, with their 95 %
        intervals over users.
    k
        Number of segments that are published.
    domain
        Gives value its name.
    """
    if table is None:
        return NOTHING
    better: list[Said] = []
    worse: list[Said] = []
    level: list[Said] = []
    for axis, metrics in _JUDGED.items():
        found = (row for metric in metrics for row in rows_at(table, metric, axis, k))
        row = next((row for row in found if row["strategy"] == "external"), None)
        if row is None or row["difference_low"] is None:
            continue
        what = say("keep_lists")
        if axis == "value":
            what = say("keep_value", what=Said(*domain.value_name) if row["metric"] == "explained_value" else say("what_explained_events"))  # fmt: skip
        (better if row["difference_low"] > 0 else worse if row["difference_high"] < 0 else level).append(what)
    if not (better or worse or level):
        return NOTHING
    if better and worse:
        return together([say("keep_mixed", ours=joined(better), theirs=joined(worse)), say("keep_mixed_how")])
    if better:
        return together([say("keep_better", ours=joined(better)), say("keep_better_how")])
    if worse:
        return together([say("keep_worse", theirs=joined(worse)), say("keep_worse_how")])
    return together([say("keep_level", what=joined(level)), say("keep_level_how")])

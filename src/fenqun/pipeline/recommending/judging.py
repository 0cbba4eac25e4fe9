"""Every recommender on test time, overall and by segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.evaluation.group_leads import GroupMeans, false_discovery, group_means, paired_p
from fenqun.evaluation.list_quality import exposure_gini
from fenqun.evaluation.ranking import coverage
from fenqun.pipeline.recommending.choosing import Choices
from fenqun.pipeline.recommending.trying import SEGMENT, USER, Bench, Trial, names_of, personal
from fenqun.recommendation.recommenders.registry import BASELINE, BLEND, available

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CHOSEN = "chosen"
"""Each segment's own winner: what is published."""

LOWER_IS_BETTER = ("miscalibration", "gini")


def judged_lists(bench: Bench, choices: Choices) -> dict[tuple[str, str], Trial]:
    """Return the lists of every recommender by (scope, name), and those of each segment's winner.

    Parameters
    ----------
    bench
        Of the phase that is judged on test time.
    choices
        For its segments.
    """
    names = names_of(available(bench.material))
    found = {(SEGMENT, name): bench.of_segments(name) for name in names}
    for name in names:
        found[USER, name] = _part(found[SEGMENT, name], bench.sample)
    for name in personal(names):
        found[USER, name] = bench.of_users(bench.fitted(name).scores)
    if choices.person is not None:
        found[USER, BLEND] = bench.of_users(bench.blend(choices.person, choices.weights).scores)
    for scope, labels in ((SEGMENT, bench.labels), (USER, bench.labels[bench.sample])):
        winners = [choice.recommender for choice in choices.by_scope[scope]]
        found[scope, CHOSEN] = _mixed({name: found[scope, name] for name in set(winners)}, winners, labels)
    return found


def figures_table(
    bench: Bench,
    trials: Mapping[tuple[str, str], Trial],
    choices: Choices,
    published: Mapping[str, int],
    *,
    repeats: int,
    seed: int,
) -> pa.Table:
    """Return ``recommendation_figures.parquet``.

    Parameters
    ----------
    bench, choices
        As of :func:`judged_lists`.
    trials
        Its result.
    published
        Judged segment that stands for each published one, by id.
    repeats, seed
        Resamples of users for intervals, and their seed.
    """
    rows: list[dict[str, Any]] = []
    for scope, labels in ((SEGMENT, bench.labels), (USER, bench.labels[bench.sample])):
        names = [name for where, name in trials if where == scope]
        own = {name: trials[scope, name] for name in names}
        winners = [choice.recommender for choice in choices.by_scope[scope]]
        for segment, group in ((None, None), *published.items()):
            inside = np.ones(len(labels), dtype=bool) if group is None else labels == group
            chosen = CHOSEN if group is None else winners[group]
            rows += [
                row | {"segment_id": segment, "scope": scope, "chosen": row["recommender"] == chosen}
                for row in _rows(bench, own, inside, repeats, seed)
                if group is None or row["recommender"] != CHOSEN
            ]
    _correct(rows)
    return pa.Table.from_pylist(rows, schema=schema.RECOMMENDATION_FIGURES)


def personal_lead(bench: Bench, trials: Mapping[tuple[str, str], Trial], *, repeats: int, seed: int) -> GroupMeans:
    """Return by how much a list of one's own is ahead of the segment's, in NDCG: everybody first, then by segment."""
    own = trials[USER, CHOSEN].figures["ndcg"]
    shared = trials[SEGMENT, CHOSEN].figures["ndcg"][bench.sample]
    labels = bench.labels[bench.sample]
    difference = (own - shared)[None, :]
    everyone = group_means(difference, np.zeros(len(labels), dtype=np.int64), 1, repeats=repeats, seed=seed)
    each = group_means(difference, labels, bench.material.n_segments, repeats=repeats, seed=seed)
    return GroupMeans(*(np.hstack([getattr(everyone, f), getattr(each, f)]) for f in ("value", "low", "high", "n")))


def _rows(
    bench: Bench, trials: Mapping[str, Trial], inside: npt.NDArray[np.bool_], repeats: int, seed: int
) -> Iterator[dict[str, Any]]:
    metrics = list(trials[BASELINE].figures)
    values = np.stack([trial.figures[metric][inside] for trial in trials.values() for metric in metrics])
    base = np.stack([trials[BASELINE].figures[metric][inside] for metric in metrics] * len(trials))
    one = np.zeros(values.shape[1], dtype=np.int64)
    found = group_means(values, one, 1, repeats=repeats, seed=seed)
    leads = group_means(values - base, one, 1, repeats=repeats, seed=seed)
    p = paired_p(values - base, one, 1)
    for i, (name, metric) in enumerate((name, metric) for name in trials for metric in metrics):
        row = _row(name, metric, found.value[i, 0], int(found.n[i, 0]))
        row |= {"low": _number(found.low[i, 0]), "high": _number(found.high[i, 0])}
        if name != BASELINE:
            row |= {
                "difference": _number(leads.value[i, 0]),
                "difference_low": _number(leads.low[i, 0]),
                "difference_high": _number(leads.high[i, 0]),
                "p": _number(p[i, 0]),
            }
        yield row
    n_items = len(bench.material.columns)
    for name, trial in trials.items():
        lists = trial.lists[inside]
        yield _row(name, "coverage", coverage(lists, n_items), len(lists))
        yield _row(name, "gini", exposure_gini(lists, n_items), len(lists))


def _row(name: str, metric: str, value: float, n: int) -> dict[str, Any]:
    nothing = dict.fromkeys(("low", "high", "difference", "difference_low", "difference_high", "p"))
    better = "lower" if metric in LOWER_IS_BETTER else "higher"
    return {"recommender": name, "metric": metric, "value": _number(value), "n": n, "better": better, **nothing}


def _correct(rows: list[dict[str, Any]]) -> None:
    """Put q beside p: for each metric over all segments, recommenders and scopes together; all users are a test apart."""
    families: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault((row["metric"], row["segment_id"] is None), []).append(row)
    for family in families.values():
        p = np.array([np.nan if row["p"] is None else row["p"] for row in family])
        for row, q in zip(family, false_discovery(p), strict=True):
            row["q"] = _number(q)


def _part(trial: Trial, at: Ints) -> Trial:
    return Trial(trial.lists[at], {metric: values[at] for metric, values in trial.figures.items()})


def _mixed(trials: Mapping[str, Trial], winners: list[str], labels: Ints) -> Trial:
    """Put together each user's lists from the winner of the user's segment."""
    first = trials[winners[0]]
    lists = np.full_like(first.lists, -1)
    figures = {metric: np.full(len(labels), np.nan) for metric in first.figures}
    for name, trial in trials.items():
        inside = np.isin(labels, [g for g, winner in enumerate(winners) if winner == name])
        lists[inside] = trial.lists[inside]
        for metric, values in trial.figures.items():
            figures[metric][inside] = values[inside]
    return Trial(lists, figures)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

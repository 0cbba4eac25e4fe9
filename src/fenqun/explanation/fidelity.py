"""How well segments can be told from readable features by users held out, and by which features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fenqun.errors import MissingExtraError
from fenqun.evaluation.intervals import Interval, Statistic, interval
from fenqun.explanation.readable import Array, Readable
from fenqun.explanation.surrogate import Ints, grow_rules, held_out_users, rules_alone, rules_of
from fenqun.schema import FeatureImportance, Fidelity, RuleTable

LEADING = 20
"""Features whose importance is measured: those that the forest splits on most."""

_REPEATS = 10  # permutations of a feature
_JUDGES = 2_000  # held-out users that permutations are judged by
_TREES = 100
_ROWS = 50_000  # that the forest is asked for at once
_MOST_SHAP = 500  # held-out users whose SHAP values are averaged


def tell_in_rules(
    readable: Readable,
    labels: Ints,
    segment_ids: Sequence[str],
    *,
    depth: int = 4,
    shap: bool = False,
    seed: int = 0,
    resamples: int = 1000,
) -> RuleTable | None:
    """Learn rules on seven users in ten and judge them, beside a forest on the same features, on the rest.

    The rules are a surrogate of the segmentation (Craven and Shavlik 1996, "Extracting tree-structured representations
    of trained networks"): they say what it does, not how. The forest shows what these features could tell at best.

    Parameters
    ----------
    readable
        Features of all users.
    labels
        ``(n,)`` segments as an index into ``segment_ids``.
    segment_ids
        Ids of the segments.
    depth
        Longest rule, in conditions.
    shap
        Whether importance is also given by SHAP values; needs the extra ``shap``.
    seed
        Of the draw of users, the forest, the permutations and the intervals.
    resamples
        Of users, for intervals.

    Returns
    -------
    RuleTable or None
        None where there are fewer than two segments or too few users to hold any out.

    Raises
    ------
    MissingExtraError
        If SHAP values are asked for and the library is not installed.
    """
    learned, judged = held_out_users(labels, seed)
    if len(np.unique(labels[learned])) < 2 or not len(judged):
        return None
    tree = grow_rules(readable.values[learned], labels[learned], depth, seed)
    forest = _grow_forest(readable.values[learned], labels[learned], seed)
    truth = labels[judged]
    told = tree.predict(readable.values[judged])
    guessed = _predict(forest, readable.values[judged], told)
    largest = np.full(len(judged), np.bincount(labels[learned]).argmax())
    apart = rules_of(tree, readable, labels, judged, segment_ids)
    alone = rules_alone(readable, labels, learned, judged, segment_ids, depth, seed)
    return RuleTable(
        depth=depth,
        learned_on=len(learned),
        judged_on=len(judged),
        rules=[*apart, *alone],
        tree=_fidelity(truth, told, resamples, seed),
        forest=_fidelity(truth, guessed, resamples, seed),
        majority=_fidelity(truth, largest, resamples, seed),
        unsaid=[name for name in segment_ids if name not in {rule.segment_id for rule in apart}],
        importance=[] if forest is None else _importance(forest, readable, labels, judged, segment_ids, seed, shap),
    )


def _grow_forest(values: Array, labels: Ints, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    if not values.shape[1]:
        return None
    forest = RandomForestClassifier(
        _TREES, min_samples_leaf=3, class_weight="balanced", random_state=seed, n_jobs=1
    )
    return forest.fit(values, labels)


def _predict(forest: Any, values: Array, otherwise: Ints) -> Ints:
    return otherwise if forest is None else np.asarray(forest.predict(values), dtype=np.int64)


def _fidelity(truth: Ints, told: Ints, resamples: int, seed: int) -> Fidelity:
    right = (truth == told).astype(np.float64)
    plain = interval(_mean(right), len(truth), repeats=resamples, seed=seed)
    balanced = interval(_balanced(right, truth), len(truth), repeats=resamples, seed=seed)
    return Fidelity(**_figures("accuracy", plain), **_figures("balanced", balanced))


def _figures(name: str, found: Interval) -> dict[str, float]:
    return {
        name: round(found.value, 6),
        f"{name}_low": round(found.low, 6),
        f"{name}_high": round(found.high, 6),
    }


def _mean(values: Array) -> Statistic:
    return lambda weights: np.asarray(weights @ values / weights.sum(axis=1))


def _balanced(values: Array, truth: Ints) -> Statistic:
    """Mean over segments of the mean over their users; a segment that a resample misses does not count in it."""
    inside = (truth[:, None] == np.unique(truth)).astype(np.float64)

    def statistic(weights: Array) -> Array:
        mass = weights @ inside
        means = np.divide(
            weights @ (inside * values[:, None]), mass, out=np.full(mass.shape, np.nan), where=mass > 0
        )
        return np.asarray(np.nanmean(means, axis=1))

    return statistic


def _importance(
    forest: Any, readable: Readable, labels: Ints, judged: Ints, segment_ids: Sequence[str], seed: int, shap: bool
) -> list[FeatureImportance]:
    """Return the fall of balanced accuracy when a feature is shuffled among held-out users (Breiman 2001, section 10).

    The interval is over users: each one's hit less the mean of their hits over the shuffles is averaged by segment.
    """
    generator = np.random.default_rng([seed, len(judged), 1])
    judges = np.sort(generator.permutation(judged)[:_JUDGES])
    values, truth = readable.values[judges], labels[judges]
    right = (forest.predict(values) == truth).astype(np.float64)
    split_on = forest.feature_importances_.round(9)
    leading = [int(j) for j in np.argsort(-split_on, kind="stable")[:LEADING] if split_on[j] > 0]
    by_shap = _shap_values(forest, values, leading) if shap else {}
    found = []
    for j, hits in zip(leading, _shuffled_hits(forest, values, truth, leading, generator), strict=True):
        fall = interval(_balanced(right - hits, truth), len(judges), seed=seed)
        found.append(
            FeatureImportance(
                kind=readable.kinds[j],
                feature=readable.features[j],
                fall=round(fall.value, 6),
                low=round(fall.low, 6),
                high=round(fall.high, 6),
                shap=None
                if j not in by_shap
                else {segment_ids[int(g)]: v for g, v in zip(forest.classes_, by_shap[j], strict=True)},
            )
        )
    return sorted(found, key=lambda one: (-one.fall, one.kind, one.feature))


def _shuffled_hits(
    forest: Any, values: Array, truth: Ints, features: Sequence[int], generator: np.random.Generator
) -> Iterator[Array]:
    """Yield for each feature how often each user is hit when it is shuffled, (n,); some features a call of the forest."""
    n = len(values)
    together = max(1, _ROWS // (_REPEATS * n))
    for start in range(0, len(features), together):
        some = features[start : start + together]
        shuffled = np.tile(values, (_REPEATS * len(some), 1)).reshape(len(some), _REPEATS, n, -1)
        for place, j in enumerate(some):
            shuffled[place, :, :, j] = [generator.permutation(values[:, j]) for _ in range(_REPEATS)]
        guessed = forest.predict(shuffled.reshape(-1, values.shape[1])).reshape(len(some), _REPEATS, n)
        yield from (guessed == truth).mean(axis=1)


def _shap_values(forest: Any, values: Array, features: Sequence[int]) -> dict[int, list[float]]:
    """Return the mean absolute SHAP value of features by segment (Lundberg et al. 2020, Nature Machine Intelligence 2)."""
    try:
        import shap
    except ImportError as error:
        raise MissingExtraError("shap", "shap") from error
    explained = shap.TreeExplainer(forest).shap_values(values[:_MOST_SHAP], check_additivity=False)
    mean = np.abs(np.asarray(explained)).mean(axis=0)  # (p, k)
    return {j: [round(float(v), 6) for v in mean[j]] for j in features}

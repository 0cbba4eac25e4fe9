"""What is over- and under-represented in each segment against everyone else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fenqun.data.traits import trait
from fenqun.explanation.population import Population
from fenqun.explanation.statistics import (
    benjamini_hochberg,
    dense_moments,
    share_test,
    sparse_moments,
    welch,
)
from fenqun.explanation.topics import Topics, find_topics, user_shares
from fenqun.explanation.wording import clean
from fenqun.schema import USER, Driver

ATTRIBUTE = "attr_"
MIN_EFFECT = {"trait": 0.2, "category": 0.26, "attribute": 0.26}
"""Least size of an effect worth telling: a small Cohen's d, or a fifth more or less."""

_LEVELS = 30  # levels of an attribute that are looked at, the most frequent first
_BINS = 4  # quartiles of a numeric attribute
_PRIOR = 5.0  # users like everyone added to each segment before shares are compared

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Effects:
    """Every feature of every segment, told or not; ``p`` features of one or more kinds.

    Attributes
    ----------
    kinds, features
        ``p`` each, as in :class:`fenqun.schema.Driver`.
    effect
        ``(k, p)`` Cohen's d, or log2 ratio of shares; NaN where it cannot be told.
    strength
        ``(k, p)`` standardised difference, comparable between kinds: Cohen's d for traits and
        (square roots of) category shares, Cohen's h for attributes.
    segment, everyone
        ``(k, p)`` and ``(p,)`` median of a trait, mean share of a category, share of a level.
    q
        ``(k, p)`` p-values after Benjamini-Hochberg over all segments and features.
    """

    kinds: list[str]
    features: list[str]
    effect: Array
    strength: Array
    segment: Array
    everyone: Array
    q: Array

    def told(self, segment: int, alpha: float = 0.05) -> list[int]:
        """Return features that differ and matter, the strongest first; ties by kind and name."""
        least = np.array([MIN_EFFECT[kind] for kind in self.kinds])
        with np.errstate(invalid="ignore"):
            kept = np.flatnonzero((self.q[segment] < alpha) & (np.abs(self.effect[segment]) >= least))
        strength = np.abs(self.strength[segment]).round(6)
        return sorted((int(j) for j in kept), key=lambda j: (-strength[j], self.kinds[j], self.features[j]))


def measure(population: Population, topics: Topics | None = None) -> Effects:
    """Compare each segment with everyone else in traits, categories and attributes.

    Traits are compared on log1p where skewed, clipped at the half-percent quantiles, by Cohen's d
    and Welch's test; categories by log2 ratio of mean shares of a user's events (shrunk towards
    everyone by five users) with Welch's test on square roots of the shares, so that heavy users
    count once; attributes by log2 ratio of the share of a level with chi-squared or exact test.
    """
    topics = find_topics(population) if topics is None else topics
    blocks = [_traits(population), _categories(population, topics), _attributes(population)]
    kinds = [kind for block in blocks for kind in block.kinds]
    features = [name for block in blocks for name in block.features]
    effect, strength, segment, p = (
        np.concatenate([getattr(block, name) for block in blocks], axis=1)
        for name in ("effect", "strength", "segment", "q")
    )
    everyone = np.concatenate([block.everyone for block in blocks])
    return Effects(kinds, features, effect, strength, segment, everyone, benjamini_hochberg(p))


def measure_topics(population: Population, topics: Topics) -> Effects:
    """Compare segments in the shares of some topics alone, as :func:`measure` does for categories."""
    effects = _categories(population, topics)
    return replace(effects, q=benjamini_hochberg(effects.q))


def measure_traits(population: Population) -> Effects:
    """Compare groups in traits alone, as :func:`measure` does."""
    effects = _traits(population)
    return replace(effects, q=benjamini_hochberg(effects.q))


def select_drivers(effects: Effects, per_direction: int = 6, alpha: float = 0.05) -> list[list[Driver]]:
    """Return the drivers of each segment, the strongest first, at most so many a kind and direction."""
    return [_select(effects, g, per_direction, alpha) for g in range(len(effects.q))]


def _select(effects: Effects, segment: int, per_direction: int, alpha: float) -> list[Driver]:
    taken: dict[tuple[str, bool], int] = {}
    drivers = []
    for j in effects.told(segment, alpha):
        group = (effects.kinds[j], bool(effects.effect[segment, j] > 0))
        if taken.get(group, 0) < per_direction:
            taken[group] = taken.get(group, 0) + 1
            drivers.append(as_driver(effects, segment, j))
    return drivers


def as_driver(effects: Effects, segment: int, feature: int) -> Driver:
    """Return one cell of the effects as a :class:`Driver`."""
    return Driver(
        kind=effects.kinds[feature],
        feature=effects.features[feature],
        effect=round(float(effects.effect[segment, feature]), 4),
        segment=round(float(effects.segment[segment, feature]), 6),
        everyone=round(float(effects.everyone[feature]), 6),
        q=float(f"{effects.q[segment, feature]:.4g}"),
    )


def trait_columns(profiles: pa.Table) -> list[str]:
    """Return the numeric columns of a profile that a reader can understand, in the table's order."""
    return [
        field.name
        for field in profiles.schema
        if field.name != USER
        and not field.name.startswith(ATTRIBUTE)
        and (pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type))
    ]


def numbers(column: pa.ChunkedArray) -> Array:
    """Return a numeric column as float64 with NaN for null and for what is not finite."""
    values = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def group_medians(values: Array, labels: NDArray[np.int64], k: int) -> Array:
    """Return ``(k, p)`` medians per group, NaN where nothing is known."""
    medians = np.full((k, values.shape[1]), np.nan)
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(k + 1))
    for g in range(k):
        rows = values[order[bounds[g] : bounds[g + 1]]]
        known = ~np.isnan(rows).all(axis=0) if len(rows) else np.zeros(values.shape[1], dtype=bool)
        if known.any():
            medians[g, known] = np.nanmedian(rows[:, known], axis=0)
    return medians


def _traits(population: Population) -> Effects:
    names = trait_columns(population.profiles)
    k = population.k
    if not names or not len(population.labels):
        return _nothing(k)
    raw = np.column_stack([numbers(population.profiles[name]) for name in names])
    scaled = raw.copy()
    for j, name in enumerate(names):
        if trait(name).skewed:
            scaled[:, j] = np.sign(raw[:, j]) * np.log1p(np.abs(raw[:, j]))
        known = scaled[~np.isnan(scaled[:, j]), j]
        if len(known):
            scaled[:, j] = np.clip(scaled[:, j], *np.quantile(known, [0.005, 0.995]))
    d, p = welch(*dense_moments(population.membership, scaled))
    everyone = group_medians(raw, np.zeros(len(raw), dtype=np.int64), 1)[0]
    return Effects(["trait"] * len(names), names, d, d, group_medians(raw, population.labels, k), everyone, p)


def _categories(population: Population, topics: Topics) -> Effects:
    if not topics.names or not len(population.labels):
        return _nothing(population.k)
    shares = user_shares(population.counts, topics)
    known = (np.asarray(population.counts.sum(axis=1)).ravel() > 0).astype(np.float64)
    n, total, _ = sparse_moments(population.membership, shares, known)
    d, p = welch(*sparse_moments(population.membership, shares.sqrt(), known))
    everyone = total.sum(axis=0) / max(known.sum(), 1.0)
    others, other_total = n.sum(axis=0) - n, total.sum(axis=0) - total
    inside = (total + _PRIOR * everyone) / (n + _PRIOR)
    outside = (other_total + _PRIOR * everyone) / (others + _PRIOR)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where(everyone > 0, np.log2(inside / outside), np.nan)
        segment = total / n
    return Effects(["category"] * len(topics.names), topics.names, effect, d, segment, everyone, p)


def _attributes(population: Population) -> Effects:
    features: list[str] = []
    columns: list[Array] = []
    known: list[Array] = []
    for field in population.profiles.schema:
        if field.name.startswith(ATTRIBUTE):
            levels, present = _levels(population.profiles[field.name])
            for name, hit in levels:
                features.append(f"{field.name.removeprefix(ATTRIBUTE)}={name}")
                columns.append(hit)
                known.append(present)
    if not features:
        return _nothing(population.k)
    hits, n = (population.membership @ np.column_stack(x) for x in (columns, known))
    level, everyone_n = hits.sum(axis=0), n.sum(axis=0)
    everyone = level / np.maximum(everyone_n, 1.0)
    inside = (hits + _PRIOR * everyone) / (n + _PRIOR)
    outside = (level - hits + _PRIOR * everyone) / (everyone_n - n + _PRIOR)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where(everyone > 0, np.log2(inside / outside), np.nan)
        segment = hits / n
        strength = 2 * (np.arcsin(np.sqrt(inside)) - np.arcsin(np.sqrt(np.minimum(outside, 1.0))))
    return Effects(
        ["attribute"] * len(features), features, effect, strength, segment, everyone, share_test(hits, n)
    )


def attribute_levels(column: pa.ChunkedArray) -> Sequence[tuple[str, Array]]:
    """Return the levels of an attribute, as drivers name them, with ``(n,)`` 1 where a user has it."""
    return _levels(column)[0]


def _levels(column: pa.ChunkedArray) -> tuple[Sequence[tuple[str, Array]], Array]:
    """Return the levels of an attribute as 0/1 columns, quartiles if it is a number with many values."""
    numeric = (
        pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)
    )
    if numeric:
        values = numbers(column)
        present = ~np.isnan(values)
        distinct = np.unique(values[present])
        if len(distinct) > 12:
            edges = np.unique(np.quantile(values[present], np.linspace(0, 1, _BINS + 1)))
            bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
            named = [f"{edges[b]:.6g}–{edges[b + 1]:.6g}" for b in range(len(edges) - 1)]
            return [(name, ((bins == b) & present).astype(float)) for b, name in enumerate(named)], present.astype(
                float
            )
        return [(f"{v:.6g}", (values == v).astype(float)) for v in distinct], present.astype(float)
    texts = np.array([None if v is None else clean(str(v), 60) for v in column.to_pylist()], dtype=object)
    present = np.array([t is not None and t != "" for t in texts], dtype=bool)
    names, frequency = np.unique(texts[present].astype(str), return_counts=True)
    kept = sorted(range(len(names)), key=lambda i: (-frequency[i], names[i]))[:_LEVELS]
    return [(str(names[i]), (texts == names[i]).astype(float)) for i in kept], present.astype(float)


def _nothing(k: int) -> Effects:
    empty = np.zeros((k, 0))
    return Effects([], [], empty, empty, empty, np.zeros(0), empty)

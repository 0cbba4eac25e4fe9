"""Types of users that were planted, and who finds them: the road, RFM, TF-IDF-SVD and BERTopic's recipe.

Protocol
--------
Logs of 2,000 users and some 85,000 events (benchmarks/planted_users.py): 3 to 20 types of unequal sizes (the largest has
two to five times the users of the smallest), 25 % of events on what everyone takes, tastes that drift over half a year,
5 % noise users, 15 % of users with a second interest on weekends or in the evening. Catalogues: 600 made-up products in
eight categories (with categories), and 2,000 Chinese news titles of ten topics (no categories: the text alone tells).
Nobody is told the number of types.

fenqun       the whole road with its default settings, but for the sequence encoder and the map, which are left out to be
             quick: reading, taste, rhythm, gate, reduction, selection among all clusterers and numbers of segments
fenqun, contexts
             the same segments; a user's weights are the largest of those by part of the day or on weekends alone, each
             mixed with the weights above by the q-value of the user's difference (contexts.parquet)
RFM          recency, frequency (these logs carry no value) + k-means, its k by the same selection as the road's
TF-IDF-SVD   64 components of TF-IDF-weighted counts, unit rows + k-means, its k by the same selection
BERTopic     its recipe on the road's user vectors: UMAP (15 neighbours, 5 components, cosine), HDBSCAN (at least 10),
             outliers at the nearest topic (reduce_outliers)

ari, macro_f1    against the types, noise users left out; F1 of each type's segment under the best one-to-one matching
error_k          |segments found - types|
second_f1        the m users whose weights give most to a second type are said to have one, m being how many do; right
                 where it is the type that they follow. Weights: of the memberships; of distances to the centroids
                 (fenqun.segmentation.rule); HDBSCAN's membership vectors
name_accuracy    types whose segment's name holds a word of their main topic. BERTopic's naming (four leading terms by
                 class-based TF-IDF of titles and categories; pairs of characters in Chinese) names the rivals' segments
best_guess       ARI of someone who knows what each type takes: types are separable where it is .95 or more
permuted         the same log with its items shuffled between all events: does the road say that there is no structure?

Intervals are bootstraps over users (95 %); of means, over cells.

Run
---
python benchmarks/planted.py [--fast] [--out FOLDER] [--again]

FOLDER keeps logs, runs and finished cells (default .cache/planted); --fast takes one seed and three numbers of types.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fenqun.behaviour.weighting import inverse_document_frequency, unit_rows, weigh_users
from fenqun.evaluation.agreement import rand_index
from fenqun.evaluation.internal import internal_metrics
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.segmenting import TRIAL_SAMPLE, strategy_inputs
from fenqun.segmentation.inputs import Inputs
from fenqun.segmentation.selection import select
from fenqun.segmentation.strategies import features
from fenqun.settings import load_config
from planted_figures import leading_terms, macro_f1, match, second_f1, second_types
from planted_users import Catalogue, Planted, plant, synthetic_catalogue, titles_catalogue

RESULTS = Path(__file__).parent / "results" / "planted.json"
CACHE = Path(__file__).parents[1] / ".cache" / "planted"
TYPES, FAST_TYPES = (3, 5, 8, 13, 20), (3, 8, 20)
SEEDS = (0, 1)
PER_TOPIC = 200
OVERRIDES = (
    "behaviour.intent.backbone=none",
    "vectors.map=pca",
    "run.threads=1",
    "contexts=[daypart, weekend]",
    "evaluation.bootstrap=2",  # resamples of figures that are not read here
    "evaluation.resamples=100",
)
RESAMPLES = 200
SEPARABLE = 0.95
FIGURES = ("ari", "error_k", "macro_f1", "second_f1", "name_accuracy")


@dataclass(frozen=True)
class Grouping:
    """Segments of all users, in the order of ids.

    Attributes
    ----------
    labels, weights
        (n,) and (n, k).
    names
        Text in which each segment's topic is looked for.
    """

    labels: np.ndarray
    weights: np.ndarray
    names: list[str]

    @property
    def k(self) -> int:
        return len(np.unique(self.labels))


class Cell:
    """One log, its run, and what everyone finds in it."""

    def __init__(self, catalogue: Catalogue, n_types: int, seed: int, folder: Path, permuted: bool = False) -> None:
        planted = plant(catalogue, n_types, seed=seed)
        self.planted: Planted = planted.shuffled(seed) if permuted else planted
        self.config = load_config(self.planted.write(folder, seed), OVERRIDES)
        self.run = run_pipeline(self.config, folder / "run")
        self.seed = seed

    @cached_property
    def phases(self) -> Phases:
        return Phases(self.config, self.run)

    @cached_property
    def rows(self) -> np.ndarray:
        """Place of each of the run's users among those of the plan."""
        return np.searchsorted(self.planted.users, np.array(self.phases.store.users.to_pylist()))

    @property
    def types(self) -> np.ndarray:
        return self.planted.types[self.rows]

    @property
    def second(self) -> np.ndarray:
        return self.planted.second[self.rows]

    def road(self) -> Grouping:
        memberships = self.run.read_table("memberships.parquet").to_pylist()
        segments = self.run.read_table("segments.parquet").to_pylist()
        place = {segment["segment_id"]: s for s, segment in enumerate(segments)}
        weights = np.zeros((len(memberships), len(place)))
        for row, user in enumerate(memberships):
            for one in user["weights"]:
                weights[row, place[one["segment_id"]]] = one["weight"]
        language = self.planted.catalogue.language
        labels = np.array([place[user["segment_id"]] for user in memberships])
        return Grouping(labels, weights, [segment[f"name_{language}"] for segment in segments])

    def in_contexts(self) -> Grouping:
        """The road's segments; weights of a context count as far as the user's difference is established."""
        road = self.road()
        if not self.run.artifact("contexts.parquet").is_file():  # nobody differs between contexts
            return road
        segments = self.run.read_table("segments.parquet", ["segment_id"])["segment_id"].to_pylist()
        place = {user: u for u, user in enumerate(self.phases.store.users.to_pylist())}
        weights = road.weights.copy()
        for row in self.run.read_table("contexts.parquet").to_pylist():
            if row["q"] is not None:
                there = {one["segment_id"]: one["weight"] for one in row["weights"]}
                u, alone = place[row["user_id"]], np.array([there[segment] for segment in segments])
                mixed = (1 - row["q"]) * alone + row["q"] * road.weights[u]
                weights[u] = np.maximum(weights[u], mixed)
        return Grouping(road.labels, weights, road.names)

    def traditional(self, describe: Callable[[Inputs], np.ndarray]) -> Grouping:
        """K-means of traditional features; k is selected as the road does it."""
        judge = PhaseJudge(self.phases, "select")
        chosen = select(
            describe(strategy_inputs(self.phases, "select")),
            judge,
            self.config.segmentation,
            order=judge.order,
            internal=lambda X, labels: internal_metrics(X, labels, TRIAL_SAMPLE, self.seed),
            clusterers=("kmeans",),
            seed=self.seed,
        )
        X = describe(strategy_inputs(self.phases, "final"))
        fitted = chosen.refit(X, seed=self.seed, threads=1)
        labels = fitted.predict(X)
        return Grouping(labels, fitted.soft(X), self.terms(labels))

    def svd(self, inputs: Inputs) -> np.ndarray:
        from sklearn.decomposition import TruncatedSVD

        bag = weigh_users(inputs.counts, "log", inverse_document_frequency(inputs.counts))
        return unit_rows(TruncatedSVD(64, n_iter=7, random_state=self.seed).fit_transform(bag))

    def bertopic(self) -> Grouping:
        import hdbscan
        from umap import UMAP

        vectors = np.array(self.run.read_table("user_vectors.parquet")["vector"].to_pylist())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reduced = UMAP(15, 5, min_dist=0.0, metric="cosine", random_state=self.seed).fit_transform(vectors)
            model = hdbscan.HDBSCAN(10, prediction_data=True).fit(reduced.astype(np.float64))
            weights = np.atleast_2d(hdbscan.all_points_membership_vectors(model).T).T
        labels = model.labels_
        k = int(labels.max()) + 1
        if not k:
            return Grouping(np.zeros(len(labels), dtype=np.int64), np.ones((len(labels), 1)), [""])
        centres = np.stack([reduced[labels == s].mean(axis=0) for s in range(k)])
        nearest = ((reduced[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        labels = np.where(labels < 0, nearest, labels)
        return Grouping(labels, weights, self.terms(labels))

    def terms(self, labels: np.ndarray) -> list[str]:
        """Names of segments for those who have none."""
        items = self.phases.store.items.to_pylist()
        return leading_terms(self.planted.catalogue, items, self.phases.counts("final"), labels)

    def groupings(self) -> dict[str, Callable[[], Grouping]]:
        return {
            "fenqun": self.road,
            "fenqun, contexts": self.in_contexts,
            "RFM": lambda: self.traditional(lambda inputs: features("rfm", inputs)),
            "TF-IDF-SVD": lambda: self.traditional(self.svd),
            "BERTopic": self.bertopic,
        }


# -- figures -------------------------------------------------------------------------------------


def judged(cell: Cell, found: Grouping) -> dict[str, Any]:
    """All figures of one grouping."""
    kept = np.flatnonzero(cell.types >= 0)
    types, second = cell.types[kept], cell.second[kept]
    labels, weights = found.labels[kept], found.weights[kept]
    matched = match(types, labels, found.weights.shape[1])
    guessed = second_types(types, labels, weights)
    drawn = [np.random.default_rng([cell.seed, r]).integers(len(kept), size=len(kept)) for r in range(RESAMPLES)]

    def interval(statistic: Callable[[np.ndarray], float]) -> dict[str, float]:
        low, high = np.quantile([statistic(rows) for rows in drawn], [0.025, 0.975])
        value = statistic(np.arange(len(kept)))
        return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}

    n_types = len(cell.planted.topics)
    words = [cell.planted.catalogue.words[topic] for topic in cell.planted.topics]
    named = [
        any(word.casefold() in found.names[matched[t]].casefold() for word in words[t]) if t in matched else False
        for t in range(n_types)
    ]
    return {
        "k": found.k,
        "error_k": abs(found.k - n_types),
        "ari": interval(lambda rows: float(rand_index(types[rows], labels[rows]))),
        "macro_f1": interval(lambda rows: macro_f1(types[rows], labels[rows], matched, n_types)),
        "second_f1": interval(lambda rows: second_f1(second[rows], guessed[0][rows], guessed[1][rows])),
        "name_accuracy": round(float(np.mean(named)), 4),
        "names": [found.names[matched[t]] if t in matched else None for t in range(n_types)],
    }


# -- the whole -----------------------------------------------------------------------------------


def cell_figures(catalogue: Catalogue, n_types: int, seed: int, folder: Path, again: bool) -> dict[str, Any]:
    cell = Cell(catalogue, n_types, seed, folder)
    known = cell.planted.types >= 0
    guess = rand_index(cell.planted.types[known], cell.planted.best_guess()[known])
    return {
        "catalogue": catalogue.name,
        "types": n_types,
        "seed": seed,
        "n": int(known.sum()),
        "events": cell.planted.events.num_rows,
        "best_guess": round(float(guess), 4),
        "structure": cell.run.stage_record("evaluation").figures["structure"],
        "rows": {
            name: kept(folder / f"{name}.json", lambda make=make: judged(cell, make()), again)
            for name, make in cell.groupings().items()
        },
    }


def permuted_figures(catalogue: Catalogue, n_types: int, seed: int, folder: Path) -> dict[str, Any]:
    cell = Cell(catalogue, n_types, seed, folder, permuted=True)
    return {
        "catalogue": catalogue.name,
        "types": n_types,
        "seed": seed,
        "n": len(cell.types),
        "structure": cell.run.stage_record("evaluation").figures["structure"],
        "k": {name: make().k for name, make in cell.groupings().items()},
    }


def kept(path: Path, make: Callable[[], dict[str, Any]], again: bool) -> dict[str, Any]:
    """Return a finished cell, or finish it."""
    if again or not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        found = make()
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def means(cells: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mean of each figure over cells, with a bootstrap over cells."""
    table: dict[str, dict[str, Any]] = {}
    for name in cells[0]["rows"]:
        table[name] = {}
        for figure in FIGURES:
            raw = [cell["rows"][name][figure] for cell in cells]
            values = np.array([one["value"] if isinstance(one, dict) else one for one in raw], dtype=float)
            drawn = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
            low, high = np.quantile(drawn, [0.025, 0.975])
            table[name][figure] = {
                "value": round(float(values.mean()), 4),
                "low": round(float(low), 4),
                "high": round(float(high), 4),
            }
    return table


def show(cell: dict[str, Any]) -> None:
    print(f"{cell['catalogue']}, {cell['types']} types, seed {cell['seed']}: best guess {cell['best_guess']:.3f}")
    for name, row in cell["rows"].items():
        print(
            f"  {name:16s} k {row['k']:3d}  ARI {row['ari']['value']:.3f} [{row['ari']['low']:.3f}, "
            f"{row['ari']['high']:.3f}]  macro-F1 {row['macro_f1']['value']:.3f}  second F1 "
            f"{row['second_f1']['value']:.3f}  names {row['name_accuracy']:.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--out", type=Path, default=CACHE)
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    seeds, types = (SEEDS[:1], FAST_TYPES) if arguments.fast else (SEEDS, TYPES)
    cells, permuted = [], []
    for seed in seeds:
        catalogues = [synthetic_catalogue(), titles_catalogue(PER_TOPIC, seed)]
        for catalogue in filter(None, catalogues):
            for n_types in types:
                folder = arguments.out / f"{catalogue.name}-{n_types}-{seed}"
                work = (catalogue, n_types, seed, folder)
                again = arguments.again
                cells.append(kept(folder / "cell.json", lambda w=work, a=again: cell_figures(*w, a), again))
                show(cells[-1])
            folder = arguments.out / f"{catalogue.name}-permuted-{seed}"
            work = (catalogue, 8, seed, folder)
            permuted.append(kept(folder / "cell.json", lambda work=work: permuted_figures(*work), arguments.again))
            print(f"{catalogue.name}, permuted, seed {seed}: {permuted[-1]['structure']}", flush=True)
    table = {name: means([c for c in cells if c["catalogue"] == name]) for name in {c["catalogue"] for c in cells}}
    found = {"fast": arguments.fast, "means": dict(sorted(table.items())), "cells": cells, "permuted": permuted}
    RESULTS.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found["means"], indent=1))


if __name__ == "__main__":
    main()

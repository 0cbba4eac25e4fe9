"""Whether the same segments come again, beside what the vectors know: taste against SVD and ALS.

Protocol
--------
Logs and tasks are those of the representation benchmark (benchmarks/tasks.py): who people are on all events of
movielens_100k and movielens_1m (gender, age); the category that a household will buy most on complete_journey, from
purchases before its last 90 days. Vectors are learned from the log alone, once a seed: the road's set encoder (taste),
64 components of TF-IDF (SVD-64), 64 factors of implicit feedback (ALS), and the same on TF-IDF confidences (ALS TF-IDF).
All of them take the road's way to segments: standardised as one block, 32 principal components, k-means, at equal k.

bootstrap_ari  refits on 10 bootstrap samples of users against the fit on all of them (fenqun.evaluation.stability); mean over
               seeds, with the 2.5 % and 97.5 % points over resamples
seed_ari       vectors and k-means learned again with another seed: mean ARI over pairs of seeds
null           bootstrap_ari of the same vectors with their columns permuted one by one: what width and spread alone give
probe          logistic regression on the frozen vectors, five folds: AUC, or accuracy over more than two classes
groups         the same asked of the segments alone: accuracy of the majority of other users' segment

Run
---
python benchmarks/stability.py [--data DATA] [--cache CACHE] [--seeds 3] [--fast] [--again]

--fast takes movielens_100k and two seeds. Logs and vectors are shared with benchmarks/representation.py.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from fenqun.evaluation.agreement import rand_index
from fenqun.evaluation.internal import permuted
from fenqun.evaluation.probes import probe_class, probe_groups
from fenqun.evaluation.stability import stability
from fenqun.segmentation.clusterers.kmeans import KMeans
from fenqun.vectors.fusion import Fusion
from fenqun.vectors.reduction import Reducer
from rows import Maker
from tasks import Log, load

RESULTS = Path(__file__).parent / "results" / "stability.json"
LOGS = ("who/movielens_100k", "who/movielens_1m", "future/complete_journey")
TASKS = {"future/complete_journey": ("category",)}
ROWS = ("taste", "SVD-64", "ALS", "ALS TF-IDF")
KS = (6, 12, 20)
COMPONENTS, REPEATS, NULLS = 32, 10, 3


def reduced(vectors: np.ndarray) -> np.ndarray:
    """The road's way from a block to what is clustered."""
    fused = Fusion({"block": 1.0}).fit_transform({"block": vectors})
    return Reducer(COMPONENTS).fit_transform(fused)


def segments(rows: np.ndarray, k: int, seed: int) -> Any:
    return KMeans(k, seed=seed).fit(rows)


def row(log: Log, name: str, seeds: int, cache: Path) -> dict[str, Any]:
    """All figures of one kind of vectors on one log."""
    folder = cache / "vectors" / log.name.replace("/", "-")
    vectors = [np.asarray(Maker(log, seed, 1, folder).vectors(name)[0]) for seed in range(seeds)]
    active = log.phases.active("final")
    spaces = [reduced(one[active]) for one in vectors]
    asked = [task for task in log.tasks if task.name in TASKS.get(log.name, (task.name,)) and task.measure != "r2"]
    truths = {task.name: classes(task.outcome[active]) for task in asked}
    found: dict[str, Any] = {"n": int(active.sum()), "seeds": seeds}
    found["probe"] = {
        task: {"value": round(float(np.mean([probe.value for probe in probes])), 4), "se": round(probes[0].se, 4)}
        for task, truth in truths.items()
        if (probes := [probe_class(one[active], truth, seed) for seed, one in enumerate(vectors)])
    }
    found["k"] = {str(k): at(spaces, truths, k) for k in KS}
    return found


def at(spaces: list[np.ndarray], truths: dict[str, np.ndarray], k: int) -> dict[str, Any]:
    """Figures at one number of segments."""

    def fit(rows: np.ndarray, seed: int) -> Any:
        return segments(rows, k, seed).predict

    labels = [fit(space, seed)(space) for seed, space in enumerate(spaces)]
    drawn = [
        stability(space, fit, repeats=REPEATS, seed=seed, labels=one)
        for seed, (space, one) in enumerate(zip(spaces, labels, strict=True))
    ]
    again = [float(rand_index(one, other)) for one, other in combinations(labels, 2)]
    null = stability(permuted(spaces[0], 0), fit, repeats=NULLS)
    groups = {
        task: round(float(np.mean([probe_groups(one, truth, seed).value for seed, one in enumerate(labels)])), 4)
        for task, truth in truths.items()
    }
    return {
        "bootstrap_ari": {
            "value": round(float(np.mean([one.ari for one in drawn])), 4),
            "low": round(float(np.mean([one.low for one in drawn])), 4),
            "high": round(float(np.mean([one.high for one in drawn])), 4),
        },
        "seed_ari": {
            "value": round(float(np.mean(again)), 4),
            "low": round(min(again), 4),
            "high": round(max(again), 4),
        },
        "null": round(null.ari, 4),
        "groups": groups,
    }


def classes(outcome: np.ndarray) -> np.ndarray:
    """Outcomes as classes; None where unknown."""
    named = np.full(len(outcome), None, dtype=object)
    known = np.isfinite(outcome)
    named[known] = [f"{value:g}" for value in outcome[known]]
    return named


def show(log: str, name: str, found: dict[str, Any]) -> None:
    probes = ", ".join(f"{task} {one['value']:.3f}" for task, one in found["probe"].items())
    print(f"{log:24s} {name:10s} probe {probes}")
    for k, one in found["k"].items():
        drawn, again = one["bootstrap_ari"], one["seed_ari"]
        print(
            f"{'':26s}k {k:>2s}  bootstrap {drawn['value']:.3f} [{drawn['low']:.3f}, {drawn['high']:.3f}]  "
            f"seeds {again['value']:.3f}  null {one['null']:.3f}  groups {one['groups']}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/representation"))
    parser.add_argument("--log", nargs="+", choices=LOGS, default=list(LOGS), metavar="LOG")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    if options.fast:
        options.seeds, options.log = 2, LOGS[:1]
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() and not options.again else {}
    for name in options.log:
        rows = results.setdefault(name, {})
        missing = [one for one in ROWS if rows.get(one, {}).get("seeds", 0) < options.seeds]
        log = load(name, options.data, options.cache / "logs", 1) if missing else None
        if missing and log is None:
            print(f"{name}: its files are not here; left out", flush=True)
            continue
        for one in missing:
            rows[one] = row(log, one, options.seeds, options.cache)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        for one in ROWS:
            show(name, one, rows[one])


if __name__ == "__main__":
    main()

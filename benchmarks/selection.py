"""What choosing a clusterer and a number of segments costs for many users: every k from 4 to 30, judged as a run judges.

Protocol
--------
Users of `fenqun.data.simulation.order` (20 to 60 events each over 300 items). Their log goes through the road's reading, split and
profiles, and the road's own judge of validation time judges every trial (goal recommend: lift of the segments' lists and
probe of the future category), beside the internal metrics. The vectors are planted: a mixture of 48 normal distributions in
64 dimensions whose axes shrink as those of principal components do, four for each of the 12 tastes, so close that some of
the users lie nearer to the centre of another. Every clusterer is tried by `fenqun.segmentation.selection.select` at each k
from 4 to 30 (HDBSCAN at its four settings), one after the other in one process on one thread.

seconds     of the clock, and of the processor (another program on the machine lengthens the first alone)
fit, judge  processor seconds a trial: fitting with placing everyone, and judging
sampled     users that a fit saw where it did not see all of them; the others are placed by its rule
ari         adjusted Rand index of the chosen trial with the 48 planted groups
peak        largest resident memory of the process until then, MB
everyone    the same clusterer at k = 12 on all users instead: processor seconds; spread within segments of the sample's fit over
            that of everyone's (1.001: a tenth of a per cent wider); ARI of the two

Run
---
python benchmarks/selection.py [--users 100000] [--cache .cache/selection] [--fast] [--again]

--fast: 10,000 users, where no clusterer but HDBSCAN takes a sample. The log is made once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

import numpy as np
import pyarrow.parquet as pq

from fenqun.config import Segmentation
from fenqun.data.simulation.order import N_TASTES, simulate
from fenqun.evaluation.agreement import rand_index
from fenqun.evaluation.internal import internal_metrics
from fenqun.pipeline.context import Context
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.pipeline.segmenting import TRIAL_SAMPLE
from fenqun.progress import Silent
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.segmentation.selection import select
from fenqun.settings import load_config
from fenqun.store import Run

RESULTS = Path(__file__).parent / "results" / "selection.json"
CLUSTERERS = ("kmeans", "minibatch_kmeans", "ward", "gaussian_mixture", "hdbscan")
WHOLE = ("kmeans", "gaussian_mixture")
"""Clusterers that are also fitted to everyone."""
KS = range(4, 31)
WIDTH, GROUPS_PER_TASTE, SEED = 64, 4, 7
FAST_USERS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--cache", type=Path, default=Path(".cache/selection"))
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    users = FAST_USERS if options.fast else options.users
    cells: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    found = {} if options.again else cells.get(str(users), {})
    missing = [name for name in CLUSTERERS if name not in found]
    if missing:
        phases = log(users, options.cache)
        X, groups = vectors(phases)
        judge = Timed(PhaseJudge(phases, "select"), X)
        judge(groups)  # what all trials share is made once and belongs to none
        for name in missing:
            found[name] = searched(name, X, groups, judge)
            cells[str(users)] = found
            RESULTS.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
            show(users, name, found[name])
    else:
        for name in CLUSTERERS:
            show(users, name, found[name])
    for clock in ("wall", "processor"):
        print(
            f"{users} users, all {clock} seconds: {sum(found[name]['seconds'][clock] for name in CLUSTERERS):.0f}"
        )


def log(users: int, cache: Path) -> Phases:
    """Make the log and take it as far as a judge needs it, once."""
    folder = cache / str(users)
    settings = folder / "simulated.yaml"
    if not (folder / "done").is_file():
        simulate(users, seed=SEED).write(folder)
        context = Context(load_config(settings), Run.create(folder / "run"), Silent())
        try:
            read_data(context)
            make_profiles(context)
        finally:
            context.close()
        (folder / "done").touch()
    return Phases(load_config(settings), Run(folder / "run"))


def vectors(phases: Phases) -> tuple[np.ndarray, np.ndarray]:
    """Planted vectors of the phase's users, (n, 64), and the group that each was drawn from."""
    table = pq.read_table(Path(phases.config.data.users.path), columns=["user_id", "taste"])
    active = phases.active("select")
    rows = phases.store.user_index(table["user_id"].combine_chunks())
    taste = np.empty(len(active), dtype=np.int64)
    taste[rows[rows >= 0]] = table["taste"].to_numpy()[rows >= 0]
    taste = taste[active]
    random = np.random.default_rng(SEED)
    spread = np.geomspace(1.0, 0.1, WIDTH)
    tastes = random.normal(size=(N_TASTES, 1, WIDTH))
    centres = (tastes + 0.7 * random.normal(size=(N_TASTES, GROUPS_PER_TASTE, WIDTH))).reshape(-1, WIDTH)
    group = taste * GROUPS_PER_TASTE + random.choice(GROUPS_PER_TASTE, len(taste), p=(0.4, 0.3, 0.2, 0.1))
    return (centres[group] + random.normal(size=(len(taste), WIDTH))) * spread, group


class Timed:
    """The road's judge and internal metrics, and the processor time that they took."""

    def __init__(self, judge: PhaseJudge, X: np.ndarray) -> None:
        self.judge, self.X = judge, X
        self.seconds = 0.0

    def __call__(self, labels: Any) -> dict[str, float]:
        started = time.process_time()
        figures = self.judge(labels)
        self.seconds += time.process_time() - started
        return figures

    def internal(self, X: Any, labels: Any) -> dict[str, float]:
        started = time.process_time()
        figures = internal_metrics(X, labels, TRIAL_SAMPLE, SEED)
        self.seconds += time.process_time() - started
        return figures


def searched(name: str, X: np.ndarray, groups: np.ndarray, judge: Timed) -> dict[str, Any]:
    """Try one clusterer at every k, and say what that took and what it found."""
    judge.seconds = 0.0
    wall, processor = time.perf_counter(), time.process_time()
    chosen = select(X, judge, Segmentation(clusterers=(name,)), internal=judge.internal, ks=KS, seed=SEED)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    trials = len(chosen.trials)
    labels = chosen.refit(X, seed=SEED, threads=1).predict(X)
    found = {
        "trials": trials,
        "seconds": {"wall": round(wall, 1), "processor": round(processor, 1)},
        "fit": round((processor - judge.seconds) / trials, 3),
        "judge": round(judge.seconds / trials, 3),
        "sampled": sorted({trial.resolved.get("sampled", len(X)) for trial in chosen.trials}),
        "k": chosen.chosen.k,
        "lift": round(chosen.chosen.metrics["lift"], 4),
        "ari": round(rand_index(labels, groups), 4),
        "peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load": round(os.getloadavg()[0], 1),
    }
    if name in WHOLE and found["sampled"] != [len(X)]:
        found["everyone"] = everyone(name, X)
    return found


def everyone(name: str, X: np.ndarray, k: int = 12) -> dict[str, float]:
    """Fit to all users what otherwise sees a sample, and compare."""
    part = make_clusterer(name, k, seed=SEED).fit(X)
    started = time.process_time()
    whole = make_clusterer(name, k, seed=SEED, parameters={"sample_above": len(X)}).fit(X)
    seconds = time.process_time() - started
    return {
        "seconds": round(seconds, 1),
        "spread": round(within(X, part.predict(X)) / within(X, whole.predict(X)), 5),
        "ari": round(rand_index(part.predict(X), whole.predict(X)), 4),
    }


def within(X: np.ndarray, labels: np.ndarray) -> float:
    """Squared distances to the means of the segments, summed."""
    return internal_metrics(X, labels, 50)["inertia"]


def show(users: int, name: str, found: dict[str, Any]) -> None:
    seconds = found["seconds"]
    print(
        f"{users:7d} {name:17s} {found['trials']:3d} trials  {seconds['wall']:6.1f} s  processor {seconds['processor']:6.1f} s"
        f"  a trial: fit {found['fit']:.2f}, judge {found['judge']:.2f}  sampled {found['sampled']}  k {found['k']}"
        f"  lift {found['lift']:.3f}  ari {found['ari']:.3f}  peak {found['peak']} MB  {found.get('everyone', '')}",
        flush=True,
    )


if __name__ == "__main__":
    main()

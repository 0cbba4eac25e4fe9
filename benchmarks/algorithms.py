"""Which clusterer to take, for which data and which goal: each at its own best number of segments, judged on test time.

Protocol
--------
Logs: movielens_100k and movielens_1m (ratings), complete_journey (purchases), cdnow (purchases of one item) and 5,000 users of
`fenqun.data.simulation.order` (events whose order matters). Each goes once through the road's reading, profiles and blocks, without
item text, sequence model and forecasts; blocks are weighed by the goal's own gate. A cell is one clusterer for one goal: its
settings and number of segments are chosen on validation time by `fenqun.segmentation.selection.select`, as a run does with
`segmentation.clusterers: [NAME]`, fitted again on train and validation time, and judged on test time. A second table varies
the reducer under k-means. Goals that a log cannot judge (value where every user has a cut of their own) have no cells.

figure      the goal's first figure on test time with its 95 % interval over users: lift of lists (recommend; of future activity
            where there is one item), variance of future value explained (value), probe of the future category, or readability
            where there are no categories (understand)
lead        its difference to k-means on the same users, with a 95 % interval (of lists in NDCG@20, all else in the unit of the
            figure); where it holds 0, the two are level
lead_at_equal_k
            the same with as many segments as k-means has, of those that are told how many
k, noise    segments found, and share of users whom the clusterer itself gave to none (they go to the nearest segment)
passed      whether a trial passed the gates (least size, most noise); the others are what a run would publish, marked
ari         bootstrap stability of the judged fit: mean adjusted Rand index over 10 resamples of users
seconds     of the processor: the whole search, judging included; and the one fit that was judged

Run
---
python benchmarks/algorithms.py [--data DATA] [--cache CACHE] [--log NAME ...] [--fast] [--again]

One thread, seed 7. --table prints the finished cells as the guide has them, and runs nothing. --fast takes movielens_100k alone, and some minutes. Blocks and finished cells are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

import numpy as np

from fenqun.config import Config
from fenqun.data.datasets import NAMES, prepare
from fenqun.data.simulation.order import simulate
from fenqun.data.splits import Phase
from fenqun.errors import ConfigError
from fenqun.evaluation.internal import internal_metrics
from fenqun.evaluation.stability import stability
from fenqun.pipeline.blocks import Blocks, learn_rhythm, learn_taste
from fenqun.pipeline.content import embed_content
from fenqun.pipeline.context import Context
from fenqun.pipeline.fusing import choose_blocks
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.pipeline.segmenting import TOLD_K, TRIAL_SAMPLE
from fenqun.progress import Silent
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.segmentation.selection import select
from fenqun.settings import load_config
from fenqun.store import Run
from fenqun.vectors.fusion import Fusion
from fenqun.vectors.reduction import Reducer

RESULTS = Path(__file__).parent / "results" / "algorithms.json"
LOGS = ("movielens_100k", "cdnow", "complete_journey", "simulated", "movielens_1m")
GOALS = ("recommend", "value", "understand")
CLUSTERERS = ("kmeans", "minibatch_kmeans", "ward", "dbscan", "hdbscan", "gaussian_mixture")
REDUCERS = {"pca 8": 8, "pca 16": 16, "pca 32": 32, "none": None}
USUAL = "pca 32"
QUICK = (
    "content.encoder=none",
    "behaviour.intent.backbone=none",
    "behaviour.rhythm.forecast=false",
    "run.threads=1",
    "run.seed=7",
)
SIMULATED, REPEATS, SIDE = 5_000, 10, 1.96


class Bench:
    """A log that went through the road as far as its blocks."""

    def __init__(self, name: str, data: Path, cache: Path) -> None:
        self.name, self.folder = name, cache / name
        path = self.folder / "simulated.yaml"
        if name in NAMES:
            path = prepare(name, data / name)
        elif not path.is_file():
            simulate(SIMULATED, seed=7).write(self.folder)
        self.settings = path
        self.run = Run.create(self.folder / "run")
        context = Context(self.config("recommend"), self.run, Silent())
        try:
            for stage in (read_data, make_profiles, embed_content, learn_rhythm, learn_taste):
                done = self.folder / f"{stage.__name__}.done"
                if not done.is_file():
                    stage(context)
                    done.touch()
        finally:
            context.close()

    def config(self, goal: str) -> Config:
        return load_config(self.settings, [*QUICK, f"goal={goal}"])

    def space(self, goal: str, phase: Phase, reducer: str) -> np.ndarray:
        """Vectors of the phase's active users, as the road makes them for a goal, (n, d)."""
        phases = Phases(self.config(goal), self.run)
        weights = self.weights(goal)
        active = phases.active(phase)
        blocks = Blocks.of(self.run, phase, weights).vectors(phases, phase, weights)
        fused = Fusion(weights).fit_transform({name: block[active] for name, block in blocks.items()})
        components = REDUCERS[reducer]
        rows = fused if components is None else Reducer(components, seed=7).fit_transform(fused)
        return rows.astype(np.float32).astype(np.float64)  # a run stores single precision

    def weights(self, goal: str) -> dict[str, float]:
        """Blocks that the gate keeps for a goal."""
        kept = self.folder / f"weights_{goal}.json"
        if not kept.is_file():
            choose_blocks(Context(self.config(goal), self.run, Silent()))
            kept.write_text(json.dumps(self.run.read_json("work/blocks.json")["weights"]), encoding="utf-8")
        return dict(json.loads(kept.read_text(encoding="utf-8")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/algorithms"))
    parser.add_argument("--log", nargs="+", choices=LOGS, default=list(LOGS))
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    logs = LOGS[:1] if options.fast else options.log
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if options.table:
        print(table(results))
        return
    for name in logs:
        found = {} if options.again else results.get(name, {})
        bench = Bench(name, options.data, options.cache)
        for goal in GOALS:
            cells = found.setdefault(goal, {})
            try:
                fill(bench, goal, cells, partial(keep, results, name, found))
            except ConfigError as error:
                found[goal] = {"not judged": str(error)}
                keep(results, name, found)
            show(name, goal, found[goal])


def keep(results: dict[str, Any], name: str, found: dict[str, Any]) -> None:
    results[name] = found
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def fill(bench: Bench, goal: str, cells: dict[str, Any], save: Any) -> None:
    """Compute what is missing of the cells of one log and goal; k-means first, as the others are held against it."""
    asked = [(name, USUAL) for name in CLUSTERERS] + [
        ("kmeans", reducer) for reducer in REDUCERS if reducer != USUAL
    ]
    missing = [pair for pair in asked if " ".join(pair) not in cells]
    if not missing:
        return
    phases = Phases(bench.config(goal), bench.run)
    judges: dict[Phase, PhaseJudge] = {phase: PhaseJudge(phases, phase) for phase in ("select", "judge")}
    judges["judge"](
        np.zeros(int(judges["judge"].active.sum()), dtype=np.int64)
    )  # says at once what cannot be judged
    cells |= {"users": int(judges["judge"].active.sum()), "blocks": bench.weights(goal)}
    base: tuple[dict[str, Any], np.ndarray] | None = None
    for name, reducer in missing if asked[0] in missing else [asked[0], *missing]:
        cell, labels = searched(bench, goal, judges, name, reducer)
        base = base or (cell, labels)
        cell["lead"] = lead(judges["judge"], (cell, labels), base)
        if name in TOLD_K and name != "kmeans":
            alike = make_clusterer(name, base[0]["k"], seed=7).fit(bench.space(goal, "judge", reducer))
            at_equal = judged(judges["judge"], alike.predict(bench.space(goal, "judge", reducer)))
            cell["lead_at_equal_k"] = lead(judges["judge"], at_equal, base)
        cells[f"{name} {reducer}"] = cell
        save()


def judged(judge: PhaseJudge, labels: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Figure of labels on the judge's time, with its interval."""
    figures = judge(labels)
    figure = next((one for one in judge.order if np.isfinite(figures.get(one, np.nan))), judge.order[0])
    value, error = figures[figure], figures.get(f"{figure}_se", float("nan"))
    interval = [round(x, 4) for x in (value, value - SIDE * error, value + SIDE * error)]
    return {"figure": figure, "value": interval, "k": len(np.unique(labels))}, labels


def lead(
    judge: PhaseJudge, one: tuple[dict[str, Any], np.ndarray], base: tuple[dict[str, Any], np.ndarray]
) -> list[float]:
    """Difference of the figure to that of k-means, with its interval."""
    if one[0]["figure"] == judge.order[0]:
        gain, error = judge.gain(one[1], base[1])
    else:
        both = [cell["value"] for cell, _ in (one, base)]
        gain, error = both[0][0] - both[1][0], float(np.hypot(*((high - low) / 2 / SIDE for _, low, high in both)))
    return [round(float(x), 4) for x in (gain, gain - SIDE * error, gain + SIDE * error)]


def searched(
    bench: Bench, goal: str, judges: dict[str, PhaseJudge], name: str, reducer: str
) -> tuple[dict[str, Any], np.ndarray]:
    """Choose on validation time, fit again, judge on test time."""
    settings = bench.config(goal).segmentation.model_copy(update={"clusterers": (name,)})
    order = judges["select"].order
    started = time.process_time()
    selection = select(
        bench.space(goal, "select", reducer),
        judges["select"],
        settings,
        order=order,
        internal=lambda X, labels: internal_metrics(X, labels, TRIAL_SAMPLE, 7),
        seed=7,
    )
    search = time.process_time() - started
    X = bench.space(goal, "judge", reducer)
    started = time.process_time()
    fitted = selection.refit(X, seed=7, threads=1)
    fit = time.process_time() - started
    told, labels = judged(judges["judge"], fitted.predict(X))
    drawn = stability(
        X,
        lambda rows, seed: selection.refit(rows, seed=seed, threads=1).predict,
        repeats=REPEATS,
        seed=7,
        labels=labels,
    )
    cell = told | {
        "passed": not selection.marked,
        "noise": round(float(np.mean(fitted.labels_ < 0)), 4),
        "ari": round(drawn.ari, 4),
        "seconds": [round(search, 1), round(fit, 2)],
        "why": selection.chosen.why,
    }
    return cell, labels


def table(results: dict[str, Any]) -> str:
    """Return the rows of docs/guide/choosing_an_algorithm.md."""
    rows = []
    for name in [log for log in LOGS if log in results]:
        for goal, cells in results[name].items():
            for row, cell in cells.items():
                if not isinstance(cell, dict) or "figure" not in cell:
                    continue
                value, ahead, alike = cell["value"], cell["lead"], cell.get("lead_at_equal_k")
                base = row == f"kmeans {USUAL}"
                figure = f"{cell['figure']} {value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"
                k = f"{cell['k']}" if cell["passed"] else f"{cell['k']}, none passed"
                told = [
                    f"{name}, {goal}",
                    row,
                    figure,
                    "" if base else verdict(ahead),
                    verdict(alike) if alike else "",
                ]
                told += [k, f"{100 * cell['noise']:.0f} %", f"{cell['ari']:.2f}", f"{cell['seconds'][0]:g}"]
                rows.append(f"| {' | '.join(told)} |")
    return "\n".join(rows)


def verdict(lead: list[float]) -> str:
    """Say a difference, and that it is none where its interval holds 0."""
    told = f"{lead[0]:+.4f} [{lead[1]:+.4f}, {lead[2]:+.4f}]"
    return f"level: {told}" if lead[1] <= 0 <= lead[2] else told


def show(name: str, goal: str, cells: dict[str, Any]) -> None:
    print(f"\n{name}, {goal}: {cells.get('not judged') or cells['blocks']}")
    for row, cell in cells.items():
        if isinstance(cell, dict) and "figure" in cell:
            value, lead = cell["value"], cell["lead"]
            print(
                f"  {row:24s} {cell['figure']:11s} {value[0]:7.4f} [{value[1]:.4f}, {value[2]:.4f}]  "
                f"lead {lead[0]:+.4f} [{lead[1]:+.4f}, {lead[2]:+.4f}]  equal k {cell.get('lead_at_equal_k', '')}  k {cell['k']:2d}  noise {cell['noise']:.2f}  "
                f"ari {cell['ari']:.2f}  s {cell['seconds']}  {'' if cell['passed'] else 'none passed'}",
                flush=True,
            )


if __name__ == "__main__":
    main()

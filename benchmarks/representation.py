"""What frozen user vectors know: who a user is, how much they will do, when, and of what.

Protocol
--------
Logs and tasks stand in `tasks`, rows in `rows`, probes in `probing`. Vectors are learned from events before the cut
of a log, without any trait; a probe on the frozen vectors is judged on users it has not seen (5 folds, the better of
a linear probe and LightGBM chosen inside each learning part). Figures are means over seeds (of vectors and folds
together) with their standard deviation. AUC for two classes, accuracy for more, R2 for numbers. Differences carry a
95 % bootstrap interval over users, paired: a row *beats* another where it lies above zero, and is *level* or better
where its lower end is above -.01. Rows that a log has nothing for take the last rank there.

Run
---
python benchmarks/representation.py [--data .cache/data] [--task LOG ...] [--row ROW ...] [--seeds 3] [--fast] [--again]

Data sets are made ready in the folder where they are missing; those beside the checkout are left out where they are
absent. Cells that the results file has are kept unless --again. Vectors and predictions of users lie in
.cache/representation; intervals are made from them. --fast: one seed of movielens_100k and cdnow, and no peers.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from probing import Held, intervals, probe, statistic
from rows import ROWS, Maker
from tasks import LOGS, Log, Task, load

RESULTS = Path(__file__).parent / "results" / "representation.json"
PEERS = ("CoLES", "SASRec", "BERT4Rec")
LEVEL = -0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/representation"))
    parser.add_argument("--task", nargs="+", choices=LOGS, default=list(LOGS), metavar="LOG")
    parser.add_argument("--row", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    if options.fast:
        options.seeds, options.task = 1, ["who/movielens_100k", "future/cdnow"]
        options.row = [row for row in options.row if row not in PEERS]
    results = Results.read()
    for name in options.task:
        log = load(name, options.data, options.cache / "logs", options.threads)
        if log is None:
            print(f"{name}: its files are not beside the checkout; left out", flush=True)
            continue
        for row in options.row:
            for seed in range(options.seeds):
                compute(results, log, row, seed, options)
            results.show(log, row)
        compare(results, log, options.cache)
    results.rank()
    results.verdict()


def compute(results: Results, log: Log, row: str, seed: int, options: argparse.Namespace) -> None:
    """Fill the cells of a row and seed that are missing."""
    maker = Maker(log, seed, options.threads, options.cache / "vectors" / log.name.replace("/", "-"))
    missing = [task for task in log.tasks if options.again or results.cell(log, task, row, seed) is None]
    if not missing:
        return
    if options.again:
        maker.kept(row).unlink(missing_ok=True)
    vectors, seconds = maker.vectors(row)
    for task in missing:
        if vectors is None:
            results.put(log, task, row, seed, {"value": None})
            continue
        held = probe(vectors, task, seed, options.threads)
        path = predictions(options.cache, log, task, row, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, score=held.score, fold=held.fold)
        n = int(np.isfinite(task.outcome).sum())
        value = float(statistic(held, task)(np.ones((1, n)))[0])
        cell = {"value": round(value, 5), "n": n, "seconds": round(seconds, 1), "probes": held.chosen}
        results.put(log, task, row, seed, cell)


def predictions(cache: Path, log: Log, task: Task, row: str, seed: int) -> Path:
    """Where the predictions of a cell lie."""
    return cache / "predictions" / f"{log.name}/{task.name}/{row}-{seed}.npz".replace(" ", "_")


def compare(results: Results, log: Log, cache: Path) -> None:
    """Put down intervals of the differences that the verdict asks about."""
    for task in log.tasks:
        means = results.means(log.name, task.name)
        rows = {row: held for row in means if (held := kept(cache, log, task, row, results.seeds(log, task, row)))}
        wanted = [(first, peer) for first in ("taste", "intent", "rhythm") for peer in PEERS]
        others = [row for row in rows if row != "fused"]
        if "fused" in rows and others:
            wanted.append(("fused", max(others, key=lambda row: means[row])))
        pairs = [pair for pair in wanted if pair[0] in rows and pair[1] in rows]
        # Differences are paired by seed as well: only seeds that both rows have.
        for first, second in pairs:
            both = min(len(rows[first]), len(rows[second]))
            two = {first: rows[first][:both], second: rows[second][:both]}
            results.differ(log, task, intervals(two, [(first, second)], task))
    results.write()


def kept(cache: Path, log: Log, task: Task, row: str, seeds: int) -> list[Held]:
    """Predictions of a row's seeds; none where one is missing."""
    paths = [predictions(cache, log, task, row, seed) for seed in range(seeds)]
    if not paths or not all(path.is_file() for path in paths):
        return []
    found = []
    for path in paths:
        with np.load(path) as stored:
            found.append(Held(stored["score"], stored["fold"], ()))
    return found


class Results:
    """The results file: cells by log, task, row and seed, and differences by log and task."""

    def __init__(self, cells: dict[str, Any], differences: dict[str, Any]) -> None:
        self.cells, self.differences = cells, differences

    @classmethod
    def read(cls) -> Results:
        if not RESULTS.is_file():
            return cls({}, {})
        stored = json.loads(RESULTS.read_text(encoding="utf-8"))
        return cls(stored["cells"], stored["differences"])

    def write(self) -> None:
        """Write one line an entry, so that a change of one cell is a change of one line."""
        RESULTS.parent.mkdir(exist_ok=True)
        parts = []
        for name, entries in (("cells", self.cells), ("differences", self.differences)):
            lines = [f"{json.dumps(key)}: {json.dumps(entries[key])}" for key in sorted(entries)]
            parts.append(f'"{name}": {{\n' + ",\n".join(lines) + "\n}")
        RESULTS.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")

    def cell(self, log: Log, task: Task, row: str, seed: int) -> Any:
        return self.cells.get(f"{log.name}/{task.name}/{row}/{seed}")

    def put(self, log: Log, task: Task, row: str, seed: int, cell: dict[str, Any]) -> None:
        self.cells[f"{log.name}/{task.name}/{row}/{seed}"] = cell
        self.write()

    def differ(self, log: Log, task: Task, found: dict[tuple[str, str], tuple[float, float, float]]) -> None:
        for (first, second), figures in found.items():
            key = f"{log.name}/{task.name}/{first} - {second}"
            self.differences[key] = [round(figure, 4) for figure in figures]

    def seeds(self, log: Log, task: Task, row: str) -> int:
        """Number of seeds from 0 on that have a figure."""
        seed = 0
        while (self.cell(log, task, row, seed) or {}).get("value") is not None:
            seed += 1
        return seed

    def values(self, log: str, task: str, row: str) -> list[float]:
        keys = [key for key in self.cells if key.rsplit("/", 1)[0] == f"{log}/{task}/{row}"]
        return [value for key in sorted(keys) if (value := self.cells[key]["value"]) is not None]

    def means(self, log: str, task: str) -> dict[str, float]:
        """Mean over seeds of every row that has a figure."""
        found = {row: self.values(log, task, row) for row in ROWS}
        return {row: float(np.mean(values)) for row, values in found.items() if values}

    # -- what is read ----------------------------------------------------------------------

    def show(self, log: Log, row: str) -> None:
        """Print a row's figures on the tasks of a log."""
        parts = []
        for task in log.tasks:
            values = self.values(log.name, task.name, row)
            n = int(np.isfinite(task.outcome).sum())
            told = f"{np.mean(values):.3f} ± {np.std(values):.3f}" if values else "-"
            parts.append(f"{task.name} {task.measure} {told} (n {n})")
        print(f"{log.name:24} {row:20} {'  '.join(parts)}", flush=True)

    def tasks(self) -> list[tuple[str, str]]:
        """Log and name of every task with a cell, in the order of the logs."""
        found = dict.fromkeys(tuple(key.rsplit("/", 2)[0].rsplit("/", 1)) for key in sorted(self.cells))
        return sorted(found, key=lambda task: list(LOGS).index(task[0]))

    def rank(self) -> None:
        """Print the mean rank of the rows that have a cell on every task."""
        tasks = self.tasks()
        rows = [row for row in ROWS if all(f"{log}/{task}/{row}/0" in self.cells for log, task in tasks)]
        if not rows or not tasks:
            return
        ranks = []
        for log, task in tasks:
            means = self.means(log, task)
            figures = np.array([means.get(row, -np.inf) for row in rows])
            better = (figures[None, :] > figures[:, None]).sum(axis=1)
            ranks.append(better + ((figures[None, :] == figures[:, None]).sum(axis=1) + 1) / 2)
        print(f"\nmean rank over {len(tasks)} tasks of {len(rows)} rows")
        for rank, row in sorted(zip(np.mean(ranks, axis=0), rows, strict=True)):
            print(f"  {rank:5.2f}  {row}")

    def verdict(self) -> None:
        """Print each bar, task by task: the difference, its interval, and whether it is met."""
        print("\ntaste beats CoLES, SASRec and BERT4Rec on who")
        tasks = self.tasks()
        for log, task in (each for each in tasks if each[0].startswith("who/")):
            for peer in PEERS:
                self._bar(log, task, "taste", peer, 0.0)
        print("\nthe better of intent and rhythm beats them on how much and when")
        for log, task in (each for each in tasks if each[0].startswith("future/")):
            means = self.means(log, task)
            ours = [row for row in ("intent", "rhythm") if row in means]
            for peer in PEERS if ours else ():
                self._bar(log, task, max(ours, key=lambda row: means[row]), peer, 0.0)
        print("\nfused is level or better against the best row")
        for log, task in tasks:
            means = self.means(log, task)
            others = {row: mean for row, mean in means.items() if row != "fused"}
            if "fused" in means and others:
                self._bar(log, task, "fused", max(others, key=lambda row: others[row]), LEVEL)

    def _bar(self, log: str, task: str, first: str, second: str, least: float) -> None:
        found = self.differences.get(f"{log}/{task}/{first} - {second}")
        if found is not None:
            gap, low, high = found
            word = "met" if low > least else "missed"
            print(f"  {word:6} {log}/{task}: {first} - {second} {gap:+.3f} [{low:+.3f}, {high:+.3f}]")


if __name__ == "__main__":
    main()

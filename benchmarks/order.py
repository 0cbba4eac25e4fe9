"""From how many users, and for which signal, a sequence model pays: simulated users whose habit is an order of steps.

Protocol
--------
Logs of `fenqun.data.simulation.order` with 2,000, 20,000 and 200,000 users of 20 to 60 events, in which 25, 50 or 100 % of
a user's sessions keep the order that the user's habit says. Nobody's trait is learned from. Frozen vectors are
probed as in `probing`, on 5,000 users drawn at random (2,000 of the smallest), for two futures: leaving (AUC), which
hangs on the order alone and whose best possible AUC is about .80, and the next category (accuracy, best possible
about .53), which hangs on the bag alone. Rows: aggregates, taste, the sequence model as it starts, intent; each
learned from all users of the log, the sequence model on six million events at most (twenty passes, a million and a
half, over the smallest log). Transitions, the shares of a user's pairs of neighbouring categories, show how much of
the order two events in a row tell a probe. Figures are means over seeds of log, vectors and folds together, with
their standard deviation; the gap between intent and the better of aggregates and taste has a 95 % paired bootstrap
interval over users.

Run
---
python benchmarks/order.py [--users 2000 20000 200000] [--order .25 .5 1] [--seeds 3] [--fast] [--again]

Cells that the results file has are kept unless --again. --fast: 2,000 users, one seed.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import yaml

from fenqun.data.simulation.order import simulate
from logs import read_raw, take_road
from probing import Held, intervals, probe, statistic
from rows import Maker
from tasks import Log, Task

RESULTS = Path(__file__).parent / "results" / "order.json"
ROWS = ("aggregates", "taste", "transitions", "untrained intent", "intent")
JUDGED = 5_000
EVENTS = 6_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", nargs="+", type=int, default=[2_000, 20_000, 200_000])
    parser.add_argument("--order", nargs="+", type=float, default=[0.25, 0.5, 1.0])
    parser.add_argument("--row", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    if options.fast:
        options.users, options.seeds = [2_000], 1
    cells: dict[str, Any] = {}
    if RESULTS.is_file() and not options.again:
        cells = json.loads(RESULTS.read_text(encoding="utf-8"))
    for n_users in options.users:
        for order in options.order:
            for seed in range(options.seeds):
                key = f"{n_users}/{order:g}/{seed}"
                missing = [row for row in options.row if row not in cells.get(key, {})]
                if missing:
                    # A gap is paired, so its rows are made together.
                    cells[key] = cells.get(key, {}) | judge(n_users, order, seed, options.row, options.threads)
                    RESULTS.parent.mkdir(exist_ok=True)
                    lines = [f"{json.dumps(name)}: {json.dumps(cells[name])}" for name in sorted(cells)]
                    RESULTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
            show(n_users, order, cells)


def judge(n_users: int, order: float, seed: int, rows: list[str], threads: int) -> dict[str, Any]:
    """Simulate, learn every row and probe it; return figures and gaps."""
    with tempfile.TemporaryDirectory() as folder:
        log = simulated(n_users, order, seed, Path(folder), threads)
        maker = Maker(log, seed, threads, Path(folder) / "vectors")
        cell: dict[str, Any] = {}
        held: dict[str, dict[str, Held]] = {task.name: {} for task in log.tasks}
        for row in rows:
            vectors, seconds = (transitions(log), 0.0) if row == "transitions" else maker.vectors(row)
            cell[row] = {"seconds": round(seconds, 1)}
            for task in log.tasks:
                found = held[task.name][row] = probe(vectors, task, seed, threads)
                n = int(np.isfinite(task.outcome).sum())
                cell[row] |= {task.name: round(float(statistic(found, task)(np.ones((1, n)))[0]), 4), "n": n}
        for task in log.tasks:
            plain = [row for row in ("aggregates", "taste") if row in cell]
            if "intent" in cell and plain:
                pair = "intent", max(plain, key=lambda row: cell[row][task.name])
                rows_held = {row: [held[task.name][row]] for row in pair}
                gap = intervals(rows_held, [pair], task)[pair]
                cell[f"gap {task.name}"] = [pair[1], *(round(figure, 4) for figure in gap)]
        return cell


def simulated(n_users: int, order: float, seed: int, folder: Path, threads: int) -> Log:
    """Simulate a log, take it down the road, and ask about some of its users."""
    made = simulate(n_users, order=order, seed=seed)
    path = made.write(folder / "simulated")
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(settings | {"behaviour": {"intent": {"events": EVENTS}}}), encoding="utf-8")
    phases = take_road(read_raw(path), folder / "log", threads)
    asked = np.random.default_rng([seed, 3]).permutation(n_users) < JUDGED
    # Ids count from 0: the truth of the road's users is found by position.
    users = phases.store.users.cast(pa.int64()).to_numpy()
    known = asked[users]
    truth = {name: made.users[name].to_numpy()[users].astype(np.float64) for name in ("left", "next_category")}
    tasks = (
        Task("leaving", "auc", np.where(known, truth["left"], np.nan)),
        Task("next category", "accuracy", np.where(known, truth["next_category"], np.nan)),
    )
    return Log(f"order/{n_users}", phases, tasks)


def transitions(log: Log) -> np.ndarray:
    """Shares of pairs of categories that follow each other, (n_users, categories squared)."""
    store = log.phases.store
    codes, names = store.categories
    code = codes[np.asarray(store.item)].astype(np.int64)
    user = np.repeat(np.arange(store.n_users), np.diff(store.offsets))
    same = user[1:] == user[:-1]
    pair = code[:-1][same] * len(names) + code[1:][same]
    width = len(names) ** 2
    counts = np.zeros((store.n_users, width), dtype=np.float32)
    np.add.at(counts, (user[1:][same], pair), 1.0)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)


def show(n_users: int, order: float, cells: dict[str, Any]) -> None:
    """Print the rows of one size and strength of the signal."""
    found = [cell for key, cell in cells.items() if key.startswith(f"{n_users}/{order:g}/")]
    for row in ROWS:
        values = [cell[row] for cell in found if row in cell]
        if values:
            told = [
                f"{task} {np.mean([v[task] for v in values]):.3f} ± {np.std([v[task] for v in values]):.3f}"
                for task in ("leaving", "next category")
            ]
            fit = np.mean([v["seconds"] for v in values])
            print(f"{n_users:8,} users, order {order:4g}  {row:18} {'  '.join(told)}  {fit:.0f} s", flush=True)
    for task in ("leaving", "next category"):
        for cell in found:
            if f"gap {task}" in cell:
                other, gap, low, high = cell[f"gap {task}"]
                print(f"{'':26} {task}: intent - {other} {gap:+.3f} [{low:+.3f}, {high:+.3f}]", flush=True)


if __name__ == "__main__":
    main()

"""Ways to pool items and to let text in that taste might use: attention over the items, an adapter of the text.

Protocol: everything is learned on each user's events less the last 15 % (complete_journey: less the last 15 % of all
purchases) and judged there by NDCG@20 of the lists that the 30 nearest users make (at most 600 judged users), and by
probes of traits (mean of 5 folds, logistic regression, fixed strength .01). Every row starts from the same ALS
table (scale 20, text gate 5) and is tuned for 5 epochs by InfoNCE of halves. Differences are to the weighted sum, with
the standard error over users. One seed.

    sum              users are weighted sums of item rows, as taste has it
    attention        each item also weighs exp(q . row), q learned with the rows
    log | text       the sum beside whitened text as a part of its own
    log | adapter    the same, with a linear map of the text tuned on the log

    python benchmarks/pooling.py [--data .cache/data] [--dataset NAME ...]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch
from torch.nn.functional import cross_entropy, normalize

from fenqun.behaviour.contrast import tune_map
from fenqun.behaviour.neighbours import NeighbourLists
from fenqun.behaviour.taste import TasteChoice, TasteEncoder
from fenqun.behaviour.taste.parts import joined
from fenqun.behaviour.weighting import unit_rows, usual_weighting, weigh_users
from fenqun.config import Content, Taste
from fenqun.content.items import embed_items
from fenqun.evaluation.probes import probe_class
from fenqun.progress import Silent
from probes import DATASETS, Task, load

RESULTS = Path(__file__).parent / "results" / "pooling.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--dataset", nargs="+", choices=DATASETS, default=list(DATASETS))
    options = parser.parse_args()
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for name in options.dataset:
        if name not in found:
            found[name] = rows(load(name, options.data), options.data)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        for row, figures in found[name].items():
            print(
                f"{name:17} {row:14}" + "  ".join(f"{what} {value:+.4f}" for what, value in figures.items()),
                flush=True,
            )


def rows(task: Task, data: Path) -> dict[str, dict[str, float]]:
    """Learn every row on one log and judge it."""
    weighting, config = usual_weighting(task.learn), Taste()
    text = embed_items(Content(), task.texts, data / "cache")
    told = (text.vectors, text.has_content)
    tuned = TasteEncoder(config, TasteChoice(weighting, 20.0, config.epochs)).fit(task.learn, *told, threads=2)
    start = TasteEncoder(config, TasteChoice(weighting, 20.0, 0)).fit(task.learn, *told, threads=2)
    weights = weigh_users(task.learn, weighting, tuned.idf)
    vectors = text.vectors.astype(np.float64)
    how = {"batch": config.batch, "learning_rate": config.learning_rate, "temperature": config.temperature}
    matrix = tune_map([(weights, text.vectors)], epochs=config.epochs, seed=0, progress=Silent(), **how)
    log = tuned.item_table.astype(np.float64)
    tables = {
        "sum": log,
        "attention": attention(start.item_table, weights, config),
        "log | text": joined({"log": log, "text": vectors}, weights),
        "log | adapter": joined({"log": log, "text": vectors @ matrix}, weights),
    }
    lists = NeighbourLists.of(task.learn, task.held_out, task.repeats, 0)
    assert lists is not None
    found: dict[str, dict[str, float]] = {}
    base = None
    for row, table in tables.items():
        users = unit_rows(weights @ table)
        per_user = lists.ndcg(users)
        base = per_user if base is None else base
        less = per_user - base
        known = less[np.isfinite(less)]
        found[row] = {"ndcg": float(np.nanmean(per_user)), "less sum": float(known.mean())}
        found[row]["se"] = float(known.std() / np.sqrt(len(known)))
        for what, target in task.targets.items():
            judged = target >= 0
            found[row][what] = probe_class(users[judged], target[judged].tolist()).value
    return found


def attention(start: np.ndarray, weights: Any, config: Taste) -> np.ndarray:
    """Tune rows and a query together; return rows times their attention, which the unit length makes the same."""
    random = np.random.default_rng(0)
    table = torch.nn.Parameter(torch.from_numpy(start.copy()))
    query = torch.nn.Parameter(torch.zeros(start.shape[1]))
    optimizer = torch.optim.Adam([table, query], lr=config.learning_rate)
    users = np.flatnonzero(np.diff(weights.indptr) >= 2)
    for _ in range(config.epochs):
        for members in np.array_split(random.permutation(users), max(1, round(len(users) / config.batch))):
            part = weights[members].tocoo()
            side = random.random(part.nnz) < 0.5
            place = torch.from_numpy(np.stack([2 * part.row + side, part.col]).astype(np.int64))
            values = torch.from_numpy(part.data.astype(np.float32))
            half = torch.sparse_coo_tensor(place, values, (2 * len(members), len(start)), check_invariants=False)
            unit = normalize(torch.sparse.mm(half, torch.exp(table @ query)[:, None] * table), dim=1)
            logits = unit[0::2] @ unit[1::2].T / config.temperature
            aim = torch.arange(len(members))
            loss = (cross_entropy(logits, aim) + cross_entropy(logits.T, aim)) / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return (torch.exp(table @ query)[:, None] * table).double().numpy()


if __name__ == "__main__":
    main()

"""What the sequence encoder is trained for, one objective at a time: which pays for what.

Protocol
--------
movielens_1m and complete_journey, split by the road's own rules. Every row trains on train time, its checkpoint is
chosen as in a run (lists and next events on validation time), and it is judged on test time by users' events of train
and validation time, without further training: NDCG@20 of lists; and, where one moment divides the time, probes of the
state by 5-fold ridge regression (R2 of log(1 + value) and of events) and logistic regression (AUC of any event), on
standardised columns. Each row sees the same number of events (--events).

initialised          a GRU without training
next, window 1       the next event only (with gpt, gru)
next, window 5       one of the coming five
+ timing             and the pause before the next event, and its value
+ outlook            and events and value over three horizons ahead (the defaults)
masked               bert
contrastive, future  alone

Run
---
python benchmarks/objectives.py [--data .cache/data] [--dataset NAME ...] [--events 1500000] [--seeds 1] [--fast]

Cells that the results file has are kept unless --again. --fast: 200,000 events of movielens_100k.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.behaviour.listing import Listing
from fenqun.behaviour.taste import TasteEncoder
from fenqun.config import Intent, Objectives, Taste
from fenqun.data.datasets import prepare
from fenqun.data.sequences import future_outcomes
from fenqun.data.splits import JUDGED
from fenqun.pipeline.context import Context
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run

RESULTS = Path(__file__).parent / "results" / "objectives.json"
DATASETS = ("movielens_1m", "complete_journey")
_NOTHING = dict.fromkeys(Objectives.model_fields, 0.0)


def only(**weights: float) -> Objectives:
    """Return objectives of which only some have a weight."""
    return Objectives(**_NOTHING | weights)


ROWS: dict[str, dict[str, Any]] = {
    "gru, initialised": {"backbone": "gru"},
    "gru, next, window 1": {"backbone": "gru", "window": 1, "objectives": only(next=1)},
    "gru, next, window 5": {"backbone": "gru", "objectives": only(next=1)},
    "gru, next + timing": {"backbone": "gru", "objectives": only(next=1, timing=Objectives().timing)},
    "gru, next + timing + outlook": {"backbone": "gru"},
    "gru, outlook": {"backbone": "gru", "objectives": only(outlook=1)},
    "gru, contrastive": {"backbone": "gru", "objectives": only(contrastive=1)},
    "gru, future": {"backbone": "gru", "objectives": only(future=1)},
    "gpt, next, window 1": {"backbone": "gpt", "window": 1, "objectives": only(next=1)},
    "gpt, next + timing + outlook": {"backbone": "gpt"},
    "bert, masked": {"backbone": "bert"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--dataset", nargs="+", default=list(DATASETS))
    parser.add_argument("--row", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--events", type=int, default=1_500_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    if options.fast:
        options.dataset, options.events, options.seeds = ["movielens_100k"], 200_000, 1
    cells: dict[str, Any] = {}
    if RESULTS.is_file() and not options.again:
        cells = json.loads(RESULTS.read_text(encoding="utf-8"))
    for name in options.dataset:
        with tempfile.TemporaryDirectory() as folder:
            phases = read(name, options.data, Path(folder))
            taste = TasteEncoder(Taste()).fit(
                phases.counts("select"), validation=phases.truth("select"), repeats=phases.repeats
            )
            for row in options.row:
                for seed in range(options.seeds):
                    key = f"{name}/{row}/{options.events}/{seed}"
                    if key not in cells:
                        cells[key] = judge(phases, taste.item_table, row, options.events, seed)
                        RESULTS.parent.mkdir(exist_ok=True)
                        RESULTS.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
                show(name, row, [cells[f"{name}/{row}/{options.events}/{seed}"] for seed in range(options.seeds)])


def show(name: str, row: str, found: list[dict[str, Any]]) -> None:
    """Print one row: means over seeds."""
    figures = {what: np.mean([cell["figures"][what] for cell in found]) for what in found[0]["figures"]}
    told = "  ".join(f"{what} {value:.4f}" for what, value in figures.items())
    print(f"{name:17} {row:30} {told}  (n {found[0]['n']}, {found[0]['seconds']:.0f} s of processor)", flush=True)


def read(name: str, data: Path, folder: Path) -> Phases:
    """Take a data set through the road's stages of data and profiles."""
    config = load_config(prepare(name, data / name))
    run = Run.create(folder / "run")
    context = Context(config, run, Silent())
    read_data(context)
    make_profiles(context)
    context.close()
    return Phases(config, run)


def judge(phases: Phases, table: np.ndarray, row: str, events: int, seed: int) -> dict[str, Any]:
    """Train one row and judge it on test time."""
    started = time.process_time()
    store, trained = phases.store, row != "gru, initialised"
    encoder = IntentEncoder(Intent(events=events, **ROWS[row])).fit(
        store,
        (0,),
        table,
        judged=JUDGED["select"],
        now=phases.splits.shared_now("select"),
        repeats=phases.repeats,
        train=trained,
        seed=seed,
    )
    seconds = time.process_time() - started
    vectors = encoder.transform(store, (0, 1), now=phases.splits.shared_now("judge"))
    listing = Listing.of(phases.counts("judge"), phases.truth("judge"), phases.repeats, seed)
    assert listing is not None
    figures = {"ndcg": listing.ndcg(*encoder.ranking(vectors))}
    active = phases.active("judge")
    if phases.splits.judges_value:
        figures |= probes(vectors[active], {k: v[active] for k, v in future_outcomes(store, (2,)).items()}, seed)
    return {"figures": figures, "n": int(active.sum()), "seconds": round(seconds, 1), "trained": encoder.figures}


def probes(X: np.ndarray, outcomes: dict[str, np.ndarray], seed: int) -> dict[str, float]:
    """Return what the state knows of the time after, on held-out users."""
    found = {}
    for outcome in ("future_value", "future_events"):
        if outcome in outcomes:
            y = np.log1p(np.maximum(outcomes[outcome], 0.0))
            model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 11)))
            told = cross_val_predict(model, X, y, cv=KFold(5, shuffle=True, random_state=seed))
            found[f"{outcome} r2"] = float(1 - ((y - told) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    y = outcomes["retained"]
    if 0 < y.mean() < 1:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500))
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        told = cross_val_predict(model, X, y, cv=folds, method="decision_function")
        found["active auc"] = float(roc_auc_score(y, told))
    return found


if __name__ == "__main__":
    main()

"""What comes next: the held-out last film of every user, ranked among all that the user has not rated.

Protocol
--------
movielens_1m, users with 5 ratings or more, leave-one-out: a user's last rating is the test, the one before it is
validation, all earlier ones are learned from; ratings of one second stay in the order of the source. A checkpoint is
chosen on the validation rating, then users are represented by everything before the test rating, without further
training. The true item is ranked among all items except those that the user has rated before. One piece of code ranks
for every row: an item with the same score counts as better in half of the cases, decided by one random order of the
items for all rows; an item that a row has no score for comes after all others. HR@10 and NDCG@10 are means over users,
with 95 % bootstrap intervals; differences to SASRec are paired, over the same users.

Time is the same for every row that trains: --minutes of processor time a thread, on --threads threads, to choose and
train: on an idle machine no less than as many minutes of wall-clock, and other work costs a row nothing. SASRec is
RecTools' 0.19.0 at length 200 and width 64, else with its defaults, in an environment of its own (`peers`), stopped by
the clock, with three losses, as the clock decides which learns most: softmax over all items (its default), BCE
with one negative (the paper's), and gBCE with 16 negatives and t = 0.75. Others are compared with the one that is best
on the test itself, which is in its favour. intent computes on one thread, so that a result does not depend on how
many there are, and has the minutes of one. Its number of events is fixed before it trains: the speed of a short trial
times the minutes that remain after its item table (taste, without text) is learned.

popularity    ratings of an item in the learning part
ALS           implicit's factorisation of TF-IDF confidences, 64 wide, scale 20
SASRec        see above
intent        backbone gpt, length 200, trained on the next event alone (window 1)

Published, fully trained on a GPU: SASRec .306 / .178, HSTU-large .329 / .189 (Zhai et al. 2024, table 4).

Run
---
python benchmarks/next_item.py [--data .cache/data] [--minutes 20] [--threads 2] [--row ROW ...] [--fast] [--again]

Rows that the results file has for the same minutes are kept unless --again. --fast: one minute.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from fenqun.behaviour.factors import als_factors
from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users
from fenqun.config import Intent, Objectives, Taste
from peers import trained
from ratings import Ratings

RESULTS = Path(__file__).parent / "results" / "next_item.json"
TOP = 10
LENGTH = 200
LEAST = 5
BLOCK = 512
TRIAL_EVENTS = 60_000
RESERVE = 0.15
"""Share of intent's minutes kept for its checkpoints."""

Scores = Callable[[np.ndarray], np.ndarray]
"""Users to scores of all items, float32 (n, n_items)."""


@dataclass(frozen=True)
class Setting:
    """What every row gets.

    Attributes
    ----------
    log
        All events.
    fold
        int64, one an event: 0 to learn from, 1 validation, 2 test.
    seconds, threads, seed
        Of training.
    cache
        Where peers keep what they learned.
    """

    log: Ratings
    fold: np.ndarray
    seconds: float
    threads: int
    seed: int
    cache: Path

    def part(self, *folds: int) -> Ratings:
        """Return the events of some folds."""
        return self.log.select(np.isin(self.fold, folds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/next_item"))
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--row", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    if options.fast:
        options.minutes = 1.0
    setting = prepared(options)
    cells: dict[str, Any] = {}
    if RESULTS.is_file():
        cells = json.loads(RESULTS.read_text(encoding="utf-8"))
    stem = f"{options.minutes:g} minutes/{options.threads} threads/{options.seed}"
    for row in options.row:
        key = f"{stem}/{row}"
        if key not in cells or options.again:
            load, start = os.getloadavg()[0], time.monotonic()
            scores, told = ROWS[row](setting)
            seconds = time.monotonic() - start
            cells[key] = {"ranks": ranks(setting, scores).tolist(), "seconds": seconds, "load": load, **told}
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(cells) + "\n", encoding="utf-8")
    show({row: cells[f"{stem}/{row}"] for row in ROWS if f"{stem}/{row}" in cells})


def prepared(options: argparse.Namespace) -> Setting:
    """Read the log and hold out the last two ratings of every user."""
    log = Ratings.read("movielens_1m", options.data)
    log = log.select(np.bincount(log.user, minlength=log.n_users)[log.user] >= LEAST)
    fold = np.clip(2 - log.from_end, 0, 2)
    return Setting(log, fold, options.minutes * 60.0, options.threads, options.seed, options.cache)


# -- judging -----------------------------------------------------------------------------------


def ranks(setting: Setting, scores: Scores) -> np.ndarray:
    """Return the rank of each user's test item among those not rated before, from 0, in the order of users."""
    test, seen = setting.part(2), setting.part(0, 1).counts()
    noise = np.random.default_rng(0).permutation(setting.log.n_items)
    found = []
    for start in range(0, len(test.user), BLOCK):
        users, true = test.user[start : start + BLOCK], test.item[start : start + BLOCK]
        table = np.array(scores(users), dtype=np.float32)
        table[np.isnan(table)] = -np.inf
        rows, columns = seen[users].nonzero()
        rated = np.zeros(table.shape, dtype=bool)
        rated[rows, columns] = True
        mine = table[np.arange(len(users)), true][:, None]
        better = (table > mine) | ((table == mine) & (noise < noise[true][:, None]))
        found.append((better & ~rated).sum(axis=1))
    return np.concatenate(found)


def hits(ranks: np.ndarray) -> np.ndarray:
    return (ranks < TOP).astype(np.float64)


def gains(ranks: np.ndarray) -> np.ndarray:
    return np.where(ranks < TOP, 1.0 / np.log2(ranks + 2.0), 0.0)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return a mean and its 95 % bootstrap interval over users."""
    generator = np.random.default_rng(0)
    draws = [values[generator.integers(0, len(values), len(values))].mean() for _ in range(2000)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def show(cells: dict[str, dict[str, Any]]) -> None:
    """Print the table, and each row's paired difference to the best SASRec."""
    peers = [row for row in cells if row.startswith("SASRec")]
    peer = max(peers, key=lambda row: float(gains(np.array(cells[row]["ranks"])).mean())) if peers else None
    for row, cell in cells.items():
        found = np.array(cell["ranks"])
        told = [f"{row:16} {cell['seconds']:6.0f} s load {cell['load']:.1f}"]
        for name, measure in (("HR", hits), ("NDCG", gains)):
            told.append("{}@10 {:.4f} [{:.4f}, {:.4f}]".format(name, *interval(measure(found))))
            if peer is not None and row != peer:
                gap = measure(found) - measure(np.array(cells[peer]["ranks"]))
                told.append("to {} {:+.4f} [{:+.4f}, {:+.4f}]".format(peer, *interval(gap)))
        print("  ".join(told), flush=True)


# -- rows --------------------------------------------------------------------------------------


def popularity(setting: Setting) -> tuple[Scores, dict[str, Any]]:
    log = setting.part(0)
    number = np.bincount(log.item, minlength=log.n_items).astype(np.float32)
    return lambda users: np.tile(number, (len(users), 1)), {}


def als(setting: Setting) -> tuple[Scores, dict[str, Any]]:
    counts = setting.part(0, 1).counts()
    weights = weigh_users(counts, "binary", inverse_document_frequency(counts))
    users, items = als_factors(weights, 64, 20.0, 15, 0.01, setting.seed, setting.threads)
    return lambda rows: users[rows] @ items.T, {}


def sasrec(loss: str) -> Callable[[Setting], tuple[Scores, dict[str, Any]]]:
    def row(setting: Setting) -> tuple[Scores, dict[str, Any]]:
        log = setting.part(0, 1)
        settings = {"model": "sasrec", "n_users": log.n_users, "n_items": log.n_items, "seed": setting.seed}
        settings |= {"seconds": setting.seconds, "width": 64, "length": LENGTH}
        settings |= {"loss": loss, "held_out": 0}
        arrays, done = trained("sasrec", log.table(), settings, setting.threads, setting.cache)
        nothing = np.where(arrays["learned"], 0.0, -np.inf).astype(np.float32)
        told = {"validation": done["best_check"], "steps": done["steps"]}
        return lambda users: arrays["users"][users] @ arrays["items"].T + nothing, told

    return row


def intent(setting: Setting) -> tuple[Scores, dict[str, Any]]:
    start = time.process_time()
    alone = Objectives(**{name: float(name == "next") for name in Objectives.model_fields})
    config = Intent(backbone="gpt", length=LENGTH, window=1, objectives=alone)
    learn, truth = setting.part(0), setting.part(1).counts()
    how: Any = {"seed": setting.seed, "threads": setting.threads}
    table = TasteEncoder(Taste()).fit(learn.counts(), validation=truth, **how).item_table
    with tempfile.TemporaryDirectory() as folder:
        store = setting.log.store(Path(folder), setting.fold)
        events = affordable(config, store, table, setting.seconds - (time.process_time() - start), setting.seed)
        encoder = IntentEncoder(config.model_copy(update={"events": events}))
        encoder.fit(store, (0,), table, judged=(1,), seed=setting.seed, device="cpu")
        vectors = encoder.transform(store, (0, 1))
        told = {"events": events, **encoder.figures}
    return lambda users: encoder.scores(vectors[users]), told


def affordable(config: Intent, store: Any, table: np.ndarray, seconds: float, seed: int) -> int:
    """Return the events that fit in some seconds, by the speed of a short trial."""
    start = time.process_time()
    trial = config.model_copy(update={"events": TRIAL_EVENTS})
    IntentEncoder(trial).fit(store, (0,), table, seed=seed, device="cpu")
    taken = time.process_time() - start
    return max(TRIAL_EVENTS, int(TRIAL_EVENTS / taken * (seconds - taken) * (1.0 - RESERVE)))


ROWS: dict[str, Callable[[Setting], tuple[Scores, dict[str, Any]]]] = {
    "popularity": popularity,
    "ALS": als,
    "SASRec, softmax": sasrec("softmax"),
    "SASRec, BCE": sasrec("BCE"),
    "SASRec, gBCE": sasrec("gBCE"),
    "intent": intent,
}


if __name__ == "__main__":
    main()

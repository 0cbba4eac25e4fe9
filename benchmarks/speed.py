"""Events trained and users embedded per second, beside RecTools' SASRec and pytorch-lifestream's CoLES.

Protocol
--------
movielens_1m, width 64, depth 2, 2 heads, length 200, one thread. Two logs: *real*, the last 200 events of a sample
of users as they are; *full*, the same events of the whole data set cut into sequences of exactly 200, as many as users
are sampled. Every system reads the same events. Only computing is timed: batches lie ready, as each library makes
them, padding and all, and a step is loss, gradient and optimizer. An event counts once a step where it is read, padding
never does. A second is one of processor time, which on an idle machine is a second of the clock and on a busy one leaves
out what others took; the clock's figures are kept beside. Peers run in environments of their own (`peers`), one process each for all repeats, warmed up; systems
take turns in an order drawn anew for each repeat, and a ratio is taken within a repeat. Intervals are t intervals
of the mean log ratio over repeats; they say how sure the mean is on this machine, not on others.

intent        fenqun's sequence encoder (backbone gpt) with its usual objectives; embedding asks the last layer for the
              last event only, as a run does
SASRec        RecTools 0.19.0, softmax over all items, its default
SASRec, BCE   the same with one negative item a position, as in the paper
CoLES         pytorch-lifestream 0.7.0, its transformer encoder; trains on 5 slices a user
taste         fenqun's set encoder: one epoch of its tuning, and embedding, which has no sequence

Peak is a product of two 1024 x 1024 float32 matrices on one thread, measured in every repeat. The share is intent's
floating-point operations by formula (multiply and add count two; a causal attention counts the half that it needs;
training is three times the forward pass) over that peak.

Run
---
python benchmarks/speed.py [--data .cache/data] [--users 1024] [--repeats 7] [--fast] [--again]

--fast: 256 users, 5 repeats, in minutes. The machine should be idle: the load at the start is kept with the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
import pyarrow.parquet as pq
from scipy import stats

from fenqun.behaviour.contrast import tune
from fenqun.behaviour.factors import als_factors
from fenqun.behaviour.intent.batches import EventReader
from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.behaviour.intent.spans import last_spans, training_spans
from fenqun.behaviour.taste import TasteEncoder
from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users
from fenqun.config import Intent, Taste
from fenqun.data.sequence_store import SequenceStore
from fenqun.progress import Silent
from peers import HERE, environment
from peers.timing import serve
from ratings import Ratings

RESULTS = Path(__file__).parent / "results" / "speed.json"
WIDTH, DEPTH, HEADS, LENGTH = 64, 2, 2, 200
LOGS = ("real", "full")
TASKS = ("train", "embed")
PEERS = {
    "SASRec": ("rectools", "time_sasrec.py", {"loss": "softmax"}),
    "SASRec, BCE": ("rectools", "time_sasrec.py", {"loss": "BCE"}),
    "CoLES": ("lifestream", "time_coles.py", {}),
}
OURS = ("intent", "taste", "peak")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--users", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--inside", choices=OURS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        serve(INSIDE[options.inside](options.folder))
        return
    if options.fast:
        options.users, options.repeats = 256, 5
    cells: dict[str, Any] = {}
    if RESULTS.is_file() and not options.again:
        cells = json.loads(RESULTS.read_text(encoding="utf-8"))
    for log in LOGS:
        key = f"{log}/{options.users} users"
        if len(cells.get(key, {}).get("repeats", [])) < options.repeats:
            cells[key] = measure(log, options)
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
        show(key, cells[key])


# -- measuring ---------------------------------------------------------------------------------


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return what each system did per second, repeat by repeat."""
    log = sample(Ratings.read("movielens_1m", options.data), name, options.users)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as open_processes:
        folder = Path(scratch)
        pq.write_table(log.table(), folder / "events.parquet")
        np.save(folder / "n_items.npy", log.n_items)
        log.store(folder / "store", np.zeros(len(log.user)))
        processes = {}
        for system, command in commands(folder, log, full=name == "full").items():
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            open_processes.callback(process.wait)
            open_processes.callback(process.stdin.close)
            while (line := process.stdout.readline()) != "ready\n":
                if not line:
                    raise RuntimeError(f"{system} ended before it was ready")
            processes[system] = process
        generator = np.random.default_rng(0)
        repeats = []
        for _ in range(options.repeats):
            turns = [
                (system, task) for system in processes for task in TASKS if (system, task) != ("peak", "embed")
            ]
            found = {
                f"{s}/{t}": ask(processes[s], t) for s, t in (turns[i] for i in generator.permutation(len(turns)))
            }
            repeats.append(found)
            print(".", end="", file=sys.stderr, flush=True)
    lengths = np.bincount(log.user, minlength=log.n_users)
    work = {"train": training_flops(lengths) / lengths.sum(), "embed": embedding_flops(lengths) / len(lengths)}
    return {"load": load, "events": len(log.user), "intent_flops": work, "repeats": repeats}


def sample(log: Ratings, name: str, users: int) -> Ratings:
    """Return the log that the protocol calls ``name``, of so many users."""
    if name == "full":
        kept = log.select(np.arange(len(log.user) // LENGTH * LENGTH))
        chunks = len(kept.user) // LENGTH
        log = replace(kept, user=np.repeat(np.arange(chunks), LENGTH), n_users=chunks)
    log = log.select(log.from_end < LENGTH)
    drawn = np.sort(np.random.default_rng(0).choice(log.n_users, users, replace=False))
    log = log.select(np.isin(log.user, drawn))
    return replace(log, user=np.searchsorted(drawn, log.user), n_users=users)


def commands(folder: Path, log: Ratings, full: bool) -> dict[str, list[str]]:
    """Return the process of each system."""
    settings = {"events": str(folder / "events.parquet"), "n_items": log.n_items, "full": full}
    settings |= {"width": WIDTH, "depth": DEPTH, "heads": HEADS, "length": LENGTH}
    found = {}
    for system, (where, script, more) in PEERS.items():
        found[system] = [str(environment(where)), "-W", "ignore", str(HERE / script), json.dumps(settings | more)]
    for system in OURS:
        found[system] = [sys.executable, __file__, "--inside", system, "--folder", str(folder)]
    return found


def ask(process: subprocess.Popen[str], task: str) -> dict[str, float]:
    """Return the number per second of processor time and of the clock that one task reaches."""
    process.stdin.write(f"{task}\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a process ended during {task}")
    found = json.loads(line)
    return {clock: found["number"] / found[clock] for clock in ("processor", "wall")}


def show(key: str, cell: dict[str, Any]) -> None:
    """Print medians, intent's ratio to each peer, and the share of the peak."""
    repeats = cell["repeats"]
    print(f"\n{key}, {cell['events']} events, {len(repeats)} repeats, load at start {cell['load']:.1f}")
    for task, unit in (("train", "events/s trained"), ("embed", "users/s embedded")):
        ours = column(repeats, f"intent/{task}")
        for system in ("intent", *PEERS, "taste"):
            theirs = column(repeats, f"{system}/{task}")
            told = f"{system:12} {np.median(theirs):12,.0f} {unit}"
            if system in PEERS:
                told += "   intent is {:.2f} times as fast [{:.2f}, {:.2f}]".format(*ratio(ours, theirs))
            print(told)
        best = max(
            (column(repeats, f"{peer}/{task}") for peer in PEERS), key=lambda theirs: float(np.median(theirs))
        )
        print("against the fastest peer {:.2f} [{:.2f}, {:.2f}]".format(*ratio(ours, best)))
        share = ours * cell["intent_flops"][task] / column(repeats, "peak/train")
        print(f"share of the peak {np.median(share):.3f}")
    print(f"peak {np.median(column(repeats, 'peak/train')) / 1e9:.1f} GFLOP/s", flush=True)


def column(repeats: list[dict[str, dict[str, float]]], name: str) -> np.ndarray:
    return np.array([repeat[name]["processor"] for repeat in repeats])


def ratio(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios within repeats, and its 95 % t interval."""
    logs = np.log(ours / theirs)
    half = stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs))
    return tuple(float(np.exp(logs.mean() + side)) for side in (0.0, -half, half))


# -- our own systems, each in a process of its own ---------------------------------------------


def intent(folder: Path) -> dict[str, Callable[[], int]]:
    """Make ready the sequence encoder as :meth:`IntentEncoder.fit` does, and its batches."""
    import torch

    from fenqun.behaviour.intent.encoder import item_frequency
    from fenqun.behaviour.intent.objectives import NegativeSampler, Objective
    from fenqun.behaviour.intent.outlook import Outlook
    from fenqun.behaviour.intent.training import _step

    store = SequenceStore.open(folder / "store")
    config = Intent(backbone="gpt", width=WIDTH, depth=DEPTH, heads=HEADS, length=LENGTH)
    table = np.random.default_rng(0).standard_normal((store.n_items, WIDTH)).astype(np.float32)
    torch.set_num_threads(1)
    encoder = IntentEncoder(config).fit(store, (0,), table, train=False)
    model, vocabulary = encoder.model, encoder.vocabulary
    sampler = NegativeSampler(torch.from_numpy(item_frequency(store, (0,))), config.negatives)
    objective = Objective(config, model.backbone.causal, sampler)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, fused=True)
    generator = np.random.default_rng(0)
    spans = training_spans(store, (0,), LENGTH, generator)
    outlook = Outlook.of(store, (0,), vocabulary.half_lives, None)
    reader = EventReader(store, vocabulary, outlook=outlook, ahead=True)
    ready = list(reader.batches(spans, config.tokens, generator))
    asked = list(reader.batches(last_spans(store, (0,), LENGTH), embedding_tokens()))

    def train() -> int:
        numbers = torch.Generator().manual_seed(0)
        for batch in ready:
            _step(model, optimizer, objective, batch, numbers)
        return sum(int(batch.lengths.sum()) for batch in ready)

    def embed() -> int:
        model.eval()
        with torch.inference_mode(), model.items.kept():  # as a run does
            return sum(len(model.users(batch)) for batch in asked)

    return {"train": train, "embed": embed}


def embedding_tokens() -> int:
    """Return the events of a batch in :meth:`IntentEncoder.transform`."""
    from fenqun.behaviour.intent.encoder import _EMBED_TOKENS

    return _EMBED_TOKENS


def taste(folder: Path) -> dict[str, Callable[[], int]]:
    """Make ready the set encoder: one epoch of its tuning, and embedding."""
    store = SequenceStore.open(folder / "store")
    counts = store.counts((0,))
    config = Taste(width=WIDTH)
    weights = weigh_users(counts, "binary", inverse_document_frequency(counts))
    table = als_factors(weights, WIDTH, 20.0, 2, config.als_regularization, 0, 1)[1]
    encoder = TasteEncoder(config.model_copy(update={"tune": False})).fit(counts)
    how: Any = {"batch": config.batch, "learning_rate": config.learning_rate, "temperature": config.temperature}

    def train() -> int:
        tune(table, weights, epochs=1, seed=0, progress=Silent(), **how)
        return int(weights.nnz)

    return {"train": train, "embed": lambda: len(encoder.transform(counts))}


def peak(folder: Path) -> dict[str, Callable[[], int]]:
    """Make ready a large matrix product; it answers in floating-point operations."""
    import torch

    torch.set_num_threads(1)
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    out = torch.empty(1024, 1024)

    def work() -> int:
        for _ in range(20):
            torch.mm(a, b, out=out)
        return 20 * 2 * 1024**3

    return {"train": work}


INSIDE: dict[str, Callable[[Path], dict[str, Callable[[], int]]]] = {"intent": intent, "taste": taste, "peak": peak}


# -- operations by formula ---------------------------------------------------------------------


def block_flops(feed: int) -> tuple[int, int, int]:
    """Return the operations of one block: keys and values of an event, the rest of an event, a pair in attention."""
    keys_values = 2 * WIDTH * 2 * WIDTH
    rest = 2 * WIDTH * WIDTH + 2 * WIDTH * WIDTH + 2 * 2 * WIDTH * feed
    return keys_values, rest, 2 * 2 * WIDTH


def training_flops(lengths: np.ndarray) -> float:
    """Return the operations of one pass of training over sequences, forward and backward."""
    from fenqun.behaviour.intent.backbones import _FFN

    keys_values, rest, pair = block_flops(_FFN * WIDTH)
    events, pairs = lengths.sum(), (lengths * (lengths + 1) / 2).sum()
    rows = 2 * WIDTH * WIDTH
    negatives = Intent().negatives
    predicted = (lengths - 1).sum() * (2 * WIDTH * WIDTH + 2 * WIDTH * (negatives + 1) + rows)
    forward = events * rows + DEPTH * (events * (keys_values + rest) + pairs * pair) + predicted
    return 3.0 * float(forward)


def embedding_flops(lengths: np.ndarray) -> float:
    """Return the operations of embedding sequences: the last block's queries are of one event each."""
    from fenqun.behaviour.intent.backbones import _FFN

    keys_values, rest, pair = block_flops(_FFN * WIDTH)
    events, pairs, users = lengths.sum(), (lengths * (lengths + 1) / 2).sum(), len(lengths)
    whole = events * (keys_values + rest) + pairs * pair
    last = events * keys_values + users * rest + events * pair
    return float(events * 2 * WIDTH * WIDTH + (DEPTH - 1) * whole + last)


if __name__ == "__main__":
    main()

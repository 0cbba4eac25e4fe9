"""Users whom the log hardly knows: the list of the segment that they are placed in, at 0, 1, 3, 5 and 10 events.

Protocol
--------
A fifth of the users is hidden: nothing of them is in the fit. `fenqun run` makes 20 k-means segments of the others (no
sequence model); then `fenqun assign` places the hidden users by the user table and links, and by their first n events,
which are moved by whole days to the end of the log: they have just come. NDCG@20 of their list is judged by everything
that they did after their tenth event, so that every n is judged by the same; who has no more than ten events does not
count. Lists leave out the n events where the domain does not repeat. The counts of a segment (every user once an item) are
smoothed by a tenth of the mean segment to everyone's.

movielens_100k, movielens_1m  gender, age and occupation, which are labels elsewhere, are attributes here.
complete_journey              demographics of 801 of 2,469 households; income is an attribute here.
lastfm                        links: friends; attribute: number of friends.

popularity            what everyone takes
static                20 k-means groups of the known users' attributes; a hidden user goes to the nearest
learned, events alone the run's own rule, however few events there are; the largest segment where there are none
learned               the segment that assignment says: attributes, links and events pooled
learned, shares       what a user of each segment takes of an item, mixed by the probabilities that assignment gives
hindsight             the segment that all of the user's events lead to: what a perfect placement would give

Folds of hidden users are disjoint; their users are pooled. Intervals, and those of differences, are bootstraps over
users, paired.

Run
---
python benchmarks/cold_start.py [--data DIR] [--cache DIR] [--only NAME ...] [--folds N] [--fast] [--again]

Folds that CACHE has are kept unless --again. --fast: movielens_100k, one fold; results are not kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import sparse

from fenqun.assignment.assigner import Assigner
from fenqun.assignment.placements import weights_of
from fenqun.evaluation.intervals import mean_interval, paired_interval
from fenqun.evaluation.ranking import (
    group_scores,
    list_metrics,
    rank_lists,
    rank_user_lists,
    smoothing_mass,
    weigh,
)
from fenqun.pipeline import run_pipeline
from fenqun.progress import Silent
from fenqun.recommendation.mixing import mixed_scores, segment_rates
from fenqun.segmentation.attributes import AttributeEncoder
from fenqun.settings import load_config
from fenqun.store import Run
from list_tasks import LENGTH, Log, read_log
from logs import DAY, settings_path, write_log

K, HIDDEN = 20, 5
STEPS = (0, 1, 3, 5, 10)
AFTER = max(STEPS)
FOLDS = {"movielens_100k": 5, "movielens_1m": 1, "complete_journey": 2, "lastfm": 5}
REAL_NAMES = {"lastfm": "lastfm_hetrec2011"}
QUICK = (
    f"segmentation.k={K}",
    "segmentation.clusterers=[kmeans]",
    "strategy=learned",
    "behaviour.intent.backbone=none",
    "evaluation.bootstrap=2",
    "evaluation.resamples=100",
    "vectors.map=pca",
    "run.threads=1",
)
PAIRS = (
    ("learned", "popularity"),
    ("learned", "static"),
    ("learned", "learned, events alone"),
    ("learned, shares", "popularity"),
    ("learned, shares", "static"),
    ("learned, shares", "learned, events alone"),
)
ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "cold_start.json"


@dataclass(frozen=True)
class Fold:
    """Some users hidden, the others segmented."""

    log: Log
    hidden: np.ndarray
    folder: Path

    @classmethod
    def of(cls, log: Log, fold: int, folder: Path) -> Fold:
        """Hide a fifth of the users, drawn the same for each number of the fold."""
        order = np.random.default_rng(7).permutation(len(log.users))
        return cls(log, np.isin(np.arange(len(log.users)), order[fold::HIDDEN]), folder / f"fold-{fold}")

    @cached_property
    def rank(self) -> np.ndarray:
        """Place of each event among its user's, from 0."""
        count = np.bincount(self.log.user, minlength=len(self.log.users))
        return np.arange(len(self.log.user)) - (np.cumsum(count) - count)[self.log.user]

    @cached_property
    def judged(self) -> np.ndarray:
        """Hidden users with events after the tenth."""
        return np.flatnonzero(self.hidden & (np.bincount(self.log.user, minlength=len(self.hidden)) > AFTER))

    @cached_property
    def run(self) -> Run:
        """A finished run on the users that are not hidden."""
        if not (self.folder / "done").is_file():
            path, texts = self.folder / "log.yaml", self.folder.parent / "texts"
            if not path.is_file():
                self.folder.mkdir(parents=True, exist_ok=True)
                write_log(self.log.raw_events(~self.hidden[self.log.user]), self.folder, described=True)
            run = Run.create(self.folder / "run")
            if texts.is_dir():  # vectors of the catalogue's texts are the same in every fold
                shutil.copytree(texts, run.artifact("work/cache"), dirs_exist_ok=True)
            run.close()
            shutil.copytree(
                run_pipeline(load_config(path, QUICK), run.path).artifact("work/cache"), texts, dirs_exist_ok=True
            )
            (self.folder / "done").touch()
        return Run.open(self.folder / "run")

    # -- what is known, what judges -----------------------------------------------------------------

    @cached_property
    def counts(self) -> sparse.csr_matrix:
        """(n_users, n_items): everything of users that are not hidden."""
        return self.log.counts(~self.hidden[self.log.user])

    @cached_property
    def truth(self) -> sparse.csr_matrix:
        """What the judged users did after their tenth event."""
        return self.log.counts(self.hidden[self.log.user] & (self.rank >= AFTER))[self.judged]

    def first(self, n: int) -> np.ndarray:
        """Return which events are the first n of a judged user."""
        return np.isin(self.log.user, self.judged) & (self.rank < n)

    # -- placing ---------------------------------------------------------------------------------------

    def placed(self, n: int | None, enough: int | None = None) -> pa.Table | None:
        """Assign hidden users by their first n events (None: all), the user table and links; None without anything."""
        assigner = Assigner(self.run)
        if enough is not None:
            assigner.cold_start = replace(assigner.cold_start, enough=enough)
        data = assigner.config.data
        paths = {
            name: source.path
            for name, source in (("users", data.users), ("links", data.links))
            if source is not None and enough is None
        }
        if n != 0:
            paths["events"] = self._write_events(n)
        return assigner.assign(assigner.sources(**paths), Silent()) if paths else None

    def _write_events(self, n: int | None) -> Path:
        log = self.log
        chosen = self.first(len(log.user) if n is None else n)
        raw = log.raw_events(chosen)
        place = {user: i for i, user in enumerate(log.users)}
        code = np.array([place[user] for user in raw.user.tolist()])
        last = np.zeros(len(log.users), dtype=np.int64)
        np.maximum.at(last, code, raw.time)
        raw = replace(raw, time=raw.time + (log.time.max() - last[code]) // DAY * DAY)
        folder = self.folder / f"first-{n}"
        folder.mkdir(exist_ok=True)
        return write_log(raw, folder).parent / "events.parquet"

    # -- lists -----------------------------------------------------------------------------------------

    def lists(self) -> dict[str, dict[int, np.ndarray]]:
        """Return NDCG@20 of each judged user, by row and number of events."""
        log, judged = self.log, self.judged
        weighed = weigh(self.counts, "binary")
        labels, ids = self._labels()
        learned = group_scores(weighed, labels, K + 1, smoothing_mass(weighed, K, 0.1))
        rates = segment_rates(weighed, labels, K, 0.1)
        rates = np.vstack([rates, np.asarray(weighed.sum(axis=0)) / max(int((labels >= 0).sum()), 1)])
        groups, own = self._static()
        static = group_scores(weighed, groups, K + 1, smoothing_mass(weighed, K, 0.1))
        hindsight, _ = self._answer(self.placed(None, 1), ids)
        found: dict[str, dict[int, np.ndarray]] = {}
        for n in STEPS:
            seen = None if log.repeats else log.counts(self.first(n))[judged]
            segment, shares = self._answer(self.placed(n), ids)
            alone = self._answer(self.placed(n, 1), ids)[0] if n else np.zeros(len(judged), dtype=np.int64)
            rows = {
                "popularity": rank_lists(learned, np.full(len(judged), K), seen, LENGTH),
                "static": rank_lists(static, own, seen, LENGTH),
                "learned, events alone": rank_lists(learned, alone, seen, LENGTH),
                "learned": rank_lists(learned, segment, seen, LENGTH),
                "learned, shares": rank_user_lists(
                    lambda users, shares=shares: mixed_scores(shares[users], rates),
                    len(judged),
                    log.shape[1],
                    seen,
                    LENGTH,
                ),
                "hindsight": rank_lists(learned, hindsight, seen, LENGTH),
            }
            for name, lists in rows.items():
                found.setdefault(name, {})[n] = list_metrics(lists, self.truth)["ndcg"]
        return found

    def _labels(self) -> tuple[np.ndarray, list[str]]:
        """Return the segment of each known user, -1 for hidden ones, and the segments' ids, the largest first."""
        ids = list(Assigner(self.run).segmentation.ids)
        table = self.run.read_table("memberships.parquet", ["user_id", "segment_id"])
        segment = dict(
            zip(table["user_id"].cast(pa.string()).to_pylist(), table["segment_id"].to_pylist(), strict=True)
        )
        return np.array([ids.index(segment[user]) if user in segment else -1 for user in self.log.users]), ids

    def _answer(self, table: pa.Table | None, ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return segment and (n, K + 1) shares of the judged users; everyone's (K) where the answer leaves one out."""
        labels, shares = np.full(len(self.judged), K), np.zeros((len(self.judged), K + 1))
        shares[:, K] = 1.0
        if table is None:
            return labels, shares
        users = table["user_id"].cast(pa.string()).to_pylist()
        row = {user: i for i, user in enumerate(users)}
        weights, segments = weights_of(table), table["segment_id"].to_pylist()
        for place, user in enumerate(self.judged.tolist()):
            if (at := row.get(self.log.users[user])) is not None:
                labels[place] = ids.index(segments[at])
                shares[place] = 0.0
                shares[place, : len(ids)] = weights[at]
        return labels, shares

    def _static(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the attribute group of each known user, -1 for hidden ones, and of the judged users."""
        from sklearn.cluster import KMeans

        log = self.log
        table = pa.table({f"attr_{name}": values for name, values in log.attributes.items()})
        known = np.flatnonzero(~self.hidden)
        encoder = AttributeEncoder().fit(table.take(pa.array(known)), table.column_names)
        X = encoder.transform(table)
        fitted = KMeans(K, n_init=3, random_state=7).fit(X[known])
        groups = np.full(len(log.users), -1)
        groups[known] = fitted.labels_
        return groups, fitted.predict(X[self.judged])

    def kept(self) -> dict[str, dict[int, np.ndarray]]:
        """Return :meth:`lists`, computed once."""
        path = self.folder / "ndcg.npz"
        if not path.is_file():
            found = self.lists()
            np.savez(path, **{f"{name}|{n}": values for name, of in found.items() for n, values in of.items()})
        with np.load(path) as stored:
            kept: dict[str, dict[int, np.ndarray]] = {}
            for key in stored.files:
                name, _, n = key.partition("|")
                kept.setdefault(name, {})[int(n)] = stored[key]
            return kept


def cell(log: Log, folds: list[Fold], repeats: int) -> dict:
    """Return the figures of one data set over its folds, and print them."""
    each = [fold.kept() for fold in folds]
    record = folds[0].run.read_manifest().stages
    stage = next(s for s in record if s.name == "cold_start")
    found: dict = {
        "folds": len(folds),
        "hidden": int(sum(len(fold.judged) for fold in folds)),
        "first_fold": {
            "seconds": stage.seconds,
            **{key: stage.figures[key] for key in ("enough", "weights", "hidden")},
        },
        "events": {},
    }
    print(f"{log.name}: {found['hidden']} hidden users of {len(folds)} folds, NDCG@{LENGTH}")
    for n in STEPS:
        values = {name: np.concatenate([one[name][n] for one in each]) for name in each[0]}
        rows = {}
        for name, ndcg in values.items():
            whole = mean_interval(ndcg, repeats=repeats)
            rows[name] = {
                "ndcg": round(whole.value, 4),
                "low": round(whole.low, 4),
                "high": round(whole.high, 4),
                "n": whole.n,
            }
        less = {}
        for one, other in PAIRS:
            pair = paired_interval(values[one], values[other], repeats=repeats)
            less[f"{one} less {other}"] = [round(v, 4) for v in (pair.value, pair.low, pair.high)]
        found["events"][str(n)] = {"rows": rows, "differences": less}
        print(f"  {n} events: " + "; ".join(f"{name} {row['ndcg']:.4f}" for name, row in rows.items()))
        for name, (value, low, high) in less.items():
            print(f"      {name:44} {value:+.4f} [{low:+.4f}, {high:+.4f}]", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / ".cache" / "data")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "cold_start")
    parser.add_argument("--only", nargs="+", choices=sorted(FOLDS))
    parser.add_argument("--folds", type=int, help=f"at most {HIDDEN}; else as many as suit the size")
    parser.add_argument("--fast", action="store_true", help="movielens_100k, one fold; results are not kept")
    parser.add_argument("--again", action="store_true", help="compute what the cache has")
    options = parser.parse_args()
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.only or (["movielens_100k"] if options.fast else list(FOLDS)):
        path = settings_path(REAL_NAMES.get(name, name), options.data)
        if path is None:
            print(f"{name}: left out, its files are not here")
            continue
        if options.again:
            shutil.rmtree(options.cache / name, ignore_errors=True)
        log = read_log(name, path, "last", 0.2)
        number = min(options.folds or (1 if options.fast else FOLDS[name]), HIDDEN)
        folds = [Fold.of(log, fold, options.cache / name) for fold in range(number)]
        kept[name] = cell(log, folds, 200 if options.fast else 1000)
        if not options.fast:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()

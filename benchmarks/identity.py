"""Monthly refreshes: whose segment changed although their behaviour did not.

Protocol
--------
A log is cut at month ends. The first month is a run of its own, each later one `fenqun refresh` of the month before,
whole and with newly learned vectors. Users whom both months know count where their behaviour did not change, told in
three ways: `quiet` users have no event in the month; of `alike` users the items with and without the month have a cosine
of at least .98 (logarithms of counts); `still` users are the tenth of each month whose vectors, once the spaces are
aligned, moved least. Figures are shares of such user-months in which the segment id changed; intervals are a bootstrap over
users, `fewer` is the paired difference over the same user-months.

refresh               ids as `fenqun refresh` publishes them
k-means each month    fitted from scratch on the same vectors with as many segments, its labels then renamed to those of
                      the month before by the Hungarian method on shared users: the best that names alone can do

`ari` is the adjusted Rand index of a month with the month before, `kept` the segments that live on of those there were, `value`
the mean squared distance to the centroid over that of k-means from scratch: what staying costs. `new seed` is the first
month learned again with another seed, vectors and all, against the first seed.

Run
---
python benchmarks/identity.py [--data DATA] [--out RUNS] [--seeds 3] [--fast]

Vectors are of taste and rhythm: neither item text nor a sequence encoder. --fast takes two refreshes of 800 users of each
log with one seed, and the first month with a second one. Runs are resumed; a month's are made once.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize

from fenqun.config import Config
from fenqun.data.datasets import prepare
from fenqun.data.ingest import source_files
from fenqun.evaluation.agreement import rand_index
from fenqun.evaluation.intervals import Statistic, around, bootstrap, point
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.refreshing import refresh
from fenqun.schema import Identity
from fenqun.segmentation.alignment import Alignment
from fenqun.segmentation.identity import Grouping, flows, seed_agreement
from fenqun.segmentation.segmentation import Segmentation
from fenqun.settings import load_config
from fenqun.store import Run

RESULTS = Path(__file__).parent / "results" / "identity.json"
ENDS = {
    "complete_journey": [dt.datetime(2017, month, 1) for month in range(7, 13)] + [dt.datetime(2018, 1, 2)],
    "movielens_1m": [dt.datetime(2000, month, 1) for month in range(9, 13)]
    + [dt.datetime(2001, month, 1) for month in range(1, 4)],
}
"""First moments after a month, UTC; most people of movielens_1m came in 2000."""
QUICK = (
    "content.encoder=none",
    "behaviour.intent.backbone=none",
    "behaviour.rhythm.forecast=false",
    "segmentation.clusterers=[kmeans]",
    "evaluation.bootstrap=2",
    "evaluation.resamples=100",
    "vectors.map=pca",
    "targets=[]",
    "run.threads=1",
)
FASTER = ("behaviour.taste.epochs=2", "behaviour.taste.scales=[20]", "segmentation.k=8")
FAST_USERS, FAST_MONTHS = 800, 3
STILL, ALIKE = 0.1, 0.98
RESAMPLES = 1000


@dataclass(frozen=True)
class Month:
    """A finished run, its users' ids, features and segments, in canonical order."""

    run: Run
    end: dt.datetime

    @cached_property
    def phases(self) -> Phases:
        return Phases(load_config(self.run.require("config.yaml")), self.run)

    @cached_property
    def users(self) -> np.ndarray:
        return np.array(self.phases.store.users.to_pylist())

    @cached_property
    def vectors(self) -> np.ndarray:
        return self.phases.reduced("final").astype(np.float64)

    @cached_property
    def segmentation(self) -> Segmentation:
        return Segmentation.load(self.run.require("segmentation"))

    @cached_property
    def labels(self) -> np.ndarray:
        return self.segmentation.assign(self.vectors).labels

    @property
    def ids(self) -> np.ndarray:
        return np.array(self.segmentation.ids)[self.labels]

    @property
    def grouping(self) -> Grouping:
        return Grouping(self.segmentation.ids, self.labels, self.vectors, self.segmentation.centroids)


def months(name: str, data: Path, out: Path, seed: int, fast: bool, count: int | None = None) -> Iterator[Month]:
    """The chain of runs of one seed, each going on from the one before; the first ``count``."""
    config = load_config(prepare(name, data / name))
    before: Path | None = None
    for end in (ENDS[name][-FAST_MONTHS:] if fast else ENDS[name])[:count]:
        folder = out / f"{name}-{'fast' if fast else 'whole'}"
        events = folder / f"{end:%Y-%m-%d}.parquet"
        if not events.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            cut(config, end, events, FAST_USERS if fast else None)
        overrides = [f"data.events.path={events.resolve()}", f"run.seed={seed}", *QUICK, *(FASTER if fast else ())]
        settings = load_config(config.model_dump(mode="json"), overrides)
        path = folder / f"{end:%Y-%m-%d}-seed{seed}"
        run = run_pipeline(settings, path) if before is None else refresh(before, settings, path)
        yield Month(run, end)
        before = path


def cut(config: Config, end: dt.datetime, path: Path, users: int | None) -> None:
    """Write the events before a moment, of all users or of those whose ids' hashes come first."""
    source, events = source_files(config)[0], config.data.events
    numeric = duckdb.sql(f"SELECT {events.time} FROM '{source}'").types[0] in ("BIGINT", "INTEGER", "DOUBLE")
    moment = str(int(end.replace(tzinfo=dt.UTC).timestamp())) if numeric else f"TIMESTAMP '{end:%Y-%m-%d}'"
    kept = f"{events.time} < {moment}"
    if users:
        first = f"SELECT DISTINCT {events.user} FROM '{source}' ORDER BY md5({events.user}::VARCHAR) LIMIT {users}"
        kept += f" AND {events.user} IN (SELECT {events.user} FROM ({first}))"
    duckdb.sql(f"COPY (SELECT * FROM '{source}' WHERE {kept}) TO '{path}' (FORMAT parquet)")


def renamed(old: np.ndarray, new: np.ndarray, rows: tuple[np.ndarray, np.ndarray], k: int) -> np.ndarray:
    """Name new labels by old ones so that as many shared users as possible keep theirs."""
    k = max(k, int(old.max()) + 1)
    table = flows(old[rows[0]], new[rows[1]], k, k)
    first, second = linear_sum_assignment(table, maximize=True)
    name = np.empty(k, dtype=np.int64)
    name[second] = first
    return name[new]


def likeness(before: Month, now: Month, rows: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Cosine of what shared users took, with and without the month, in logarithms of counts."""
    first, second = (m.phases.counts("final")[at].log1p() for m, at in zip((before, now), rows, strict=True))
    items = {item: i for i, item in enumerate(now.phases.store.items.to_pylist())}
    place = np.array([items.get(item, -1) for item in before.phases.store.items.to_pylist()])
    both = (normalize(first[:, place >= 0]).multiply(normalize(second)[:, place[place >= 0]])).sum(axis=1)
    return np.asarray(both).ravel()


def measured(chain: list[Month], seed: int) -> dict[str, Any]:
    """Changes of every user-month of one seed, and the figures of each month."""
    rows, told = [], []
    rival = KMeans(len(chain[0].segmentation.ids), n_init=5, random_state=seed).fit(chain[0].vectors).labels_
    for before, now in pairwise(chain):
        known, *shared = np.intersect1d(before.users, now.users, return_indices=True)
        k = len(now.segmentation.ids)
        scratch = KMeans(k, n_init=5, random_state=seed).fit(now.vectors)
        again = renamed(rival, scratch.labels_, (shared[0], shared[1]), k)
        alignment = Alignment.of(before.vectors[shared[0]], now.vectors[shared[1]])
        moved = np.linalg.norm(alignment.carry(before.vectors[shared[0]]) - now.vectors[shared[1]], axis=1)
        counts = [m.phases.store.n_events((0, 1, 2))[at] for m, at in zip((before, now), shared, strict=True)]
        rows.append(
            {
                "user": known,
                "quiet": counts[0] == counts[1],
                "alike": likeness(before, now, (shared[0], shared[1])) >= ALIKE,
                "still": moved <= np.quantile(moved, STILL),
                "refresh": before.ids[shared[0]] != now.ids[shared[1]],
                "k-means each month": rival[shared[0]] != again[shared[1]],
            }
        )
        gaps = np.square(now.vectors - now.segmentation.centroids[now.labels]).sum(axis=1).mean()
        identity = now.run.read_model("identity.json", Identity)
        told.append(
            {
                "until": f"{now.end:%Y-%m-%d}",
                "users": len(now.users),
                "newcomers": len(now.users) - len(known),
                "k": k,
                "way": f"{identity.way}: {identity.why}",
                "kept": [identity.survived, identity.segments_before],
                "ari": {
                    "refresh": round(identity.ari, 4),
                    "k-means each month": round(rand_index(rival[shared[0]], again[shared[1]]), 4),
                },
                "value": round(float(gaps / (scratch.inertia_ / len(now.vectors))), 4),
                "alignment": round(alignment.fit, 4),
            }
        )
        rival = again
    return {"rows": {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}, "months": told}


WAYS = ("refresh", "k-means each month")


def changed(rows: dict[str, np.ndarray], among: np.ndarray) -> dict[str, Any]:
    """Share of user-months in which the id changed, of each way, with interval and paired lead."""
    users, place = np.unique(rows["user"], return_inverse=True)
    n = len(users)
    statistics: list[Statistic] = []
    for way in WAYS:
        columns = np.stack(
            [np.bincount(place, weights=one, minlength=n) for one in (rows[way] & among, among)], axis=1
        )
        statistics.append(lambda weights, columns=columns: np.divide(*(weights @ columns).T))
    found: dict[str, Any] = {"user_months": int(among.sum()), "users": int(np.unique(rows["user"][among]).size)}
    if not among.any():
        return found
    draws = bootstrap(statistics, n, RESAMPLES, 0)
    points = [point(statistic, n) for statistic in statistics]
    for way, value, drawn in zip(WAYS, points, draws, strict=True):
        found[way] = [round(x, 4) for x in (value, *around(value, drawn))]
    lead = points[1] - points[0]
    found["fewer"] = [round(x, 4) for x in (lead, *around(lead, draws[1] - draws[0]))]
    return found


def new_seed(firsts: list[Month]) -> list[dict[str, Any]]:
    """What another seed leaves of the first month, vectors learned anew."""
    rest = [month.grouping for month in firsts[1:]]
    return [
        {"ari": round(one.agreement, 4), "survived": one.survived, "k": one.k}
        for one in seed_agreement(firsts[0].grouping, rest)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/identity"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fast", action="store_true", help="two refreshes, 800 users, one seed")
    options = parser.parse_args()
    seeds = range(1 if options.fast else options.seeds)
    found: dict[str, Any] = {"fast": options.fast, "seeds": len(seeds), "still": STILL, "alike": ALIKE}
    for name in ENDS:
        chains = [list(months(name, options.data, options.out, seed, options.fast)) for seed in seeds]
        firsts = [chain[0] for chain in chains]
        if options.fast:
            firsts += months(name, options.data, options.out, 1, True, count=1)
        told = [measured(chain, seed) for seed, chain in zip(seeds, chains, strict=True)]
        rows = {key: np.concatenate([one["rows"][key] for one in told]) for key in told[0]["rows"]}
        found[name] = {
            "quiet": changed(rows, rows["quiet"]),
            "alike": changed(rows, rows["alike"]),
            "still": changed(rows, rows["still"]),
            "everyone": changed(rows, np.ones(len(rows["user"]), dtype=bool)),
            "new seed": new_seed(firsts),
            "months": [one["months"] for one in told],
        }
        print(name, json.dumps({key: value for key, value in found[name].items() if key != "months"}, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

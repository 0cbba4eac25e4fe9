"""What segments lift: NDCG@20 of each segment's list on held-out events, for every way to segment, and beyond them.

Protocol
--------
movielens_1m      test: the last 20 % of each user's ratings (rounded down), by time, then by the order of the file.
                  Every rating is one event. Lists leave out what the user rated before. Static: gender, age,
                  occupation, which are labels elsewhere.
complete_journey  test: purchases in the last 15 % of the time span. Every household that buys then counts; the few that
                  never bought before get everyone's list. Lists may repeat. Static: demographics of 801 households.
lastfm            test: the last 20 % of each user's tags, by month. Lists leave out artists that the user tagged before.
                  Static: number of friends.
thucnews          2,000 simulated users of 12 types over 3,000 real Chinese titles (planted_users.py): the last 20 % of
                  each user's reading. Lists leave out what was read. There are no attributes.

Segments are k-means groups (three starts) of each kind of user vector, learned before the cut, at k = 5, 20 and 50. The
list of a segment is its counts, smoothed to everyone's; how repeats count, and how much to smooth, is chosen for each
log and k by the lists of SVD segments on validation events (the last part of what is before the cut, taken as the test
part is), and the same for all rows. ``learned`` is what the road makes of the events before the cut with its default
settings (blocks and their gate, fusion, reduction; no sequence model), chosen on a validation part of its own. Relevance
is binary over distinct items; the ideal has min(20, relevant) hits.

Beside the rows of segments: ``learned, shares`` mixes what users of each segment take by the user's shares of them; ``learned,
taste`` ranks items for a segment by its mean taste. ``a list a user`` needs no segments: factors, taste, what the user
took before.

Figures are means over seeds of per-user NDCG. The interval of a row, and of its difference to ``learned`` (row less
learned), is a bootstrap over users, paired.

Run
---
python benchmarks/lift.py [--data DIR] [--cache DIR] [--only NAME ...] [--seeds 3] [--fast] [--again]

Data sets that are downloaded are prepared under DIR/NAME. Rows that CACHE has are kept unless --again; the road is run
once a log. --fast: movielens_100k (each user's last 20 %), and lastfm and thucnews where they are there; k = 20, one
seed; results are not kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import sparse

from fenqun.evaluation.intervals import mean_interval, paired_interval
from fenqun.evaluation.ranking import coverage
from list_tasks import LENGTH, Held, Log, Task, read_log
from logs import settings_path, take_road

WIDTH = 64
KS = (5, 20, 50)
SHARES = (0.03, 0.1, 0.2, 0.4)
CUTS: dict[str, tuple[Held, float]] = {
    "movielens_1m": ("last", 0.2),
    "complete_journey": ("end", 0.15),
    "lastfm": ("last", 0.2),
    "thucnews": ("last", 0.2),
    "movielens_100k": ("last", 0.2),
}
REAL_NAMES = {"lastfm": "lastfm_hetrec2011"}
TYPES, PER_TOPIC, PLANTED_SEED = 12, 300, 7
ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "lift.json"


def log_of(name: str, data: Path, cache: Path) -> Log | None:
    """Read a data set; None where its files are not here."""
    if name == "thucnews":
        from planted_users import plant, titles_catalogue

        catalogue = titles_catalogue(PER_TOPIC, PLANTED_SEED)
        if catalogue is None:
            return None
        path = plant(catalogue, TYPES, seed=PLANTED_SEED).write(cache / name / "data", PLANTED_SEED)
    else:
        path = settings_path(REAL_NAMES.get(name, name), data)
    return None if path is None else read_log(name, path, *CUTS[name])


# -- the road ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Road:
    """What the road made of the events before the cut, in the log's own codes.

    Attributes
    ----------
    reduced, taste
        (n_users, d) vectors that are clustered, and taste vectors that rank; zero for users without events.
    item_table
        (n_items, width); zero for items that the log before the cut does not hold.
    blocks
        Blocks that the gate kept.
    """

    reduced: np.ndarray
    taste: np.ndarray
    item_table: np.ndarray
    blocks: list[str]


def take(log: Log, learn: np.ndarray, folder: Path) -> Road:
    """Run the road's stages up to the reduced vectors, once a folder."""
    from fenqun.behaviour.taste import TasteEncoder
    from fenqun.pipeline.blocks import learn_rhythm, learn_taste, refit_intent, try_intent
    from fenqun.pipeline.context import Context
    from fenqun.pipeline.fusing import choose_blocks, fuse_vectors
    from fenqun.progress import Silent
    from fenqun.settings import load_config

    phases = take_road(log.raw_events(learn), folder)
    config = load_config(folder / "log.yaml", ["run.threads=1", "behaviour.intent.backbone=none"])
    for stage in (learn_rhythm, learn_taste, try_intent, choose_blocks, refit_intent, fuse_vectors):
        if (done := folder / f"{stage.__name__}.done").is_file():
            continue
        context = Context(config, phases.run, Silent())
        try:
            stage(context)
        finally:
            context.close()
        done.touch()
    encoder = TasteEncoder.load(phases.run.require("work/taste/final"))
    users = _places(log.users, phases.store.users)
    items = _places(log.items, phases.store.items)
    return Road(
        _rows(phases.reduced("final"), users),
        _rows(encoder.ranking_vectors(phases.counts("final")), users),
        _rows(encoder.item_table, items),
        sorted(phases.run.read_json("work/blocks.json")["weights"]),
    )


def _places(ids: list[str], known: pa.Array) -> np.ndarray:
    place = {text: i for i, text in enumerate(known.cast(pa.string()).to_pylist())}
    return np.array([place.get(name, -1) for name in ids])


def _rows(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    found = np.asarray(table, dtype=np.float64)[np.maximum(places, 0)]
    found[places < 0] = 0.0
    return found


# -- ways to describe users: (log, learning events, seed) -> vectors ------------------------------


def svd(log: Log, learn: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.decomposition import TruncatedSVD

    from fenqun.behaviour.weighting import unit_rows

    return unit_rows(TruncatedSVD(WIDTH, n_iter=7, random_state=seed).fit_transform(_bag(log, learn)))


def als(log: Log, learn: np.ndarray, seed: int) -> np.ndarray:
    from fenqun.behaviour.weighting import unit_rows

    return unit_rows(_als(log, learn, seed)[0])


def _als(log: Log, learn: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from fenqun.behaviour.factors import als_factors

    return als_factors(_bag(log, learn), WIDTH, 20.0, 15, 0.01, seed, 1)


def _bag(log: Log, learn: np.ndarray) -> sparse.csr_matrix:
    from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users

    counts = log.counts(learn)
    return weigh_users(counts, "log" if log.repeats else "binary", inverse_document_frequency(counts))


def _strategy(name: str) -> Callable[[Log, np.ndarray, int], np.ndarray]:
    def vectors(log: Log, learn: np.ndarray, seed: int) -> np.ndarray:
        from fenqun.segmentation.inputs import Inputs
        from fenqun.segmentation.strategies import features

        n = log.shape[0]
        now = log.time[learn].max()
        last = np.full(n, log.time[learn].min())
        np.maximum.at(last, log.user[learn], log.time[learn])
        columns = {"recency_days": (now - last) / 86400, "n_events": np.bincount(log.user[learn], minlength=n)}
        if log.value is not None:
            columns["monetary"] = np.bincount(log.user[learn], weights=log.value[learn], minlength=n)
        columns |= {f"attr_{key}": values for key, values in log.attributes.items()}
        names = sorted({c for c in log.category if c})
        place = {c: i for i, c in enumerate(names)}
        codes = np.array([place.get(c, -1) if c else -1 for c in log.category], dtype=np.int64)
        attributes = [f"attr_{key}" for key in log.attributes]
        return features(name, Inputs(pa.table(columns), log.counts(learn), codes, names, attributes))

    return vectors


TRADITIONAL = {"static": _strategy("static"), "rfm": _strategy("rfm"), "interest": _strategy("interest")}
VECTORS = TRADITIONAL | {"svd": svd, "als": als}
BESIDE = ("learned, shares", "learned, taste")
OWN = ("als, a list a user", "taste, a list a user", "own history, a list a user")


def grouped(vectors: np.ndarray, active: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return k groups of the users with events, the rest in group k, which is empty and so gets everyone's list."""
    from sklearn.cluster import KMeans

    labels = np.full(len(vectors), k)
    fitted = KMeans(k, n_init=3, random_state=seed).fit(vectors[active])
    labels[active] = fitted.labels_
    return labels, fitted.cluster_centers_


def choose(log: Log, k: int, seeds: int) -> tuple[tuple[str, float], dict[str, float]]:
    """Weighting and smoothing by the lists of SVD segments on validation events."""
    learn = ~log.test & ~log.validation
    task = Task.of(log, learn, log.validation)
    found: dict[tuple[str, float], list[float]] = {}
    for seed in range(seeds):
        labels, _ = grouped(svd(log, learn, seed), task.active, k, seed)
        for weighting in ("counts", "log", "binary") if log.repeats else ("binary",):
            for share in SHARES:
                value = np.nanmean(task.ndcg(task.by_group(labels, k, weighting, share)))
                found.setdefault((weighting, share), []).append(float(value))
    means = {setting: float(np.mean(values)) for setting, values in found.items()}
    best = max(means, key=lambda setting: means[setting])
    return best, {f"{w} {s:g}": round(v, 4) for (w, s), v in means.items()}


# -- rows ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contest:
    """All rows of one log; what each user got is kept in a folder."""

    log: Log
    seeds: int
    folder: Path

    @cached_property
    def task(self) -> Task:
        """What is before the cut learns, what is after it judges."""
        return Task.of(self.log, ~self.log.test, self.log.test)

    @cached_property
    def road(self) -> Road:
        """The road's own vectors."""
        return take(self.log, ~self.log.test, self.folder / "road")

    @cached_property
    def vectors(self) -> Callable[[str, int], np.ndarray]:
        """Return vectors of a row and seed; made once."""
        made: dict[tuple[str, int], np.ndarray] = {}

        def of(name: str, seed: int) -> np.ndarray:
            if name == "learned":
                return self.road.reduced
            if (name, seed) not in made:
                made[name, seed] = VECTORS[name](self.log, ~self.log.test, seed)
            return made[name, seed]

        return of

    def settings(self, k: int) -> tuple[tuple[str, float], dict[str, float]]:
        """Weighting and smoothing of a number of segments, and what was tried."""
        kept = self.folder / f"settings-{k}-{self.seeds}.json"
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(choose(self.log, k, self.seeds)))
        (weighting, share), tried = json.loads(kept.read_text())
        return (weighting, share), tried

    def row(self, name: str, k: int | None) -> tuple[np.ndarray, float, float]:
        """Return the mean NDCG of each user over seeds, the deviation of seeds, and how much of the catalogue is shown."""
        kept = self.folder / "rows" / f"{name.replace(', ', '-').replace(' ', '_')}-{k}-{self.seeds}.npz"
        if not kept.is_file():
            task = self.task
            lists = [self.lists(name, k, seed) for seed in range(1 if name == "popularity" else self.seeds)]
            each = [task.ndcg(one) for one in lists]
            spread = float(np.std([np.nanmean(one) for one in each]))
            shown = float(np.mean([coverage(one, self.log.shape[1]) for one in lists]))
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.savez(kept, ndcg=np.mean(each, axis=0), spread=spread, shown=shown)
        with np.load(kept) as stored:
            return stored["ndcg"], float(stored["spread"]), float(stored["shown"])

    def lists(self, name: str, k: int | None, seed: int) -> np.ndarray:
        """Return each user's list under one row."""
        task, log = self.task, self.log
        if k is None:
            return self._own(name, seed)
        weighting, share = self.settings(k)[0]
        if name == "popularity":
            return task.everyone(weighting)
        vectors = self.vectors(name.partition(",")[0], seed)
        labels, centroids = grouped(vectors, task.active, k, seed)
        if name == "learned, shares":
            from fenqun.evaluation.ranking import weigh
            from fenqun.recommendation.mixing import mixed_scores, segment_rates
            from fenqun.segmentation.mixed_membership import mixed_membership

            own = np.where(labels < k, labels, -1)
            rates, weights = (
                segment_rates(weigh(task.counts, weighting), own, k, share),
                np.zeros((log.shape[0], k)),
            )
            weights[task.active] = mixed_membership(vectors[task.active], centroids, labels[task.active])
            return task.own(lambda rows: mixed_scores(weights[rows], rates))
        if name == "learned, taste":
            from fenqun.evaluation.ranking import rank_lists
            from fenqun.recommendation.recommenders import TasteRanking

            road = self.road
            ranking = TasteRanking(road.taste, road.item_table).fit(task.counts, labels, k + 1)
            lists = rank_lists(ranking.segment_scores(), labels, task.seen, LENGTH)
            lists[~task.active] = task.everyone(weighting)[~task.active]
            return lists
        return task.by_group(labels, k, weighting, share)

    def _own(self, name: str, seed: int) -> np.ndarray:
        task, log = self.task, self.log
        if name == "own history, a list a user":
            everyone = np.asarray(task.counts.sum(axis=0)).ravel()
            # Shares are below 1 and counts are whole, so everyone's shares only order what is level.
            return task.own(lambda rows: task.counts[rows].toarray() + everyone / everyone.sum())
        if name == "taste, a list a user":
            users, items = self.road.taste, self.road.item_table
        else:
            users, items = _als(log, ~log.test, seed)
        return task.own(lambda rows: users[rows] @ items.T)

    def names(self) -> list[str]:
        """Rows of segments that this log has something for."""
        left = () if self.log.attributes else ("static",)
        return [n for n in ("popularity", *VECTORS, "learned", *BESIDE) if n not in left]


def table(contest: Contest, k: int | None, names: list[str], learned: np.ndarray, repeats: int) -> dict[str, dict]:
    """Return the figures of some rows."""
    found = {}
    for name in names:
        ndcg, spread, shown = contest.row(name, k)
        whole, less = mean_interval(ndcg, repeats=repeats), paired_interval(ndcg, learned, repeats=repeats)
        found[name] = {
            "ndcg": round(whole.value, 4),
            "low": round(whole.low, 4),
            "high": round(whole.high, 4),
            "n": whole.n,
            "less_learned": [round(v, 4) for v in (less.value, less.low, less.high)],
            "sd_of_seeds": round(spread, 4),
            "coverage": round(shown, 4),
        }
    return found


def cell(contest: Contest, ks: tuple[int, ...], repeats: int) -> dict:
    """Return all rows of one log and print them."""
    log = contest.log
    found: dict = {
        "seeds": contest.seeds,
        "users": log.shape[0],
        "items": log.shape[1],
        "repeats": log.repeats,
        "blocks": contest.road.blocks,
        "segments": {},
    }
    for k in ks:
        (weighting, share), tried = contest.settings(k)
        learned = contest.row("learned", k)[0]
        rows = table(contest, k, contest.names(), learned, repeats)
        found["segments"][str(k)] = {"weighting": weighting, "smoothing": share, "validation": tried, "rows": rows}
        print(f"{log.name}, {k} segments ({weighting} {share:g}): NDCG@{LENGTH}, less learned")
        _print(rows)
    names = [name for name in OWN if log.repeats or not name.startswith("own")]
    middle = contest.row("learned", 20)[0]
    found["a_list_a_user"] = table(contest, None, names, middle, repeats)
    print(f"{log.name}, a list a user, less learned at 20 segments")
    _print(found["a_list_a_user"])
    return found


def _print(rows: dict[str, dict]) -> None:
    for name, row in rows.items():
        less, low, high = row["less_learned"]
        print(
            f"  {name:28} {row['ndcg']:.4f} [{row['low']:.4f}, {row['high']:.4f}] n {row['n']}"
            f"  {less:+.4f} [{low:+.4f}, {high:+.4f}]  sd {row['sd_of_seeds']:.4f}  shown {row['coverage']:.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / ".cache" / "data")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "lift")
    parser.add_argument("--only", nargs="+", choices=sorted(CUTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fast", action="store_true", help="small logs, k = 20, one seed; results are not kept")
    parser.add_argument("--again", action="store_true", help="compute what the cache has")
    options = parser.parse_args()
    names = options.only or (["movielens_100k", "lastfm", "thucnews"] if options.fast else list(CUTS)[:4])
    seeds, repeats, ks = (1, 200, (20,)) if options.fast else (options.seeds, 1000, KS)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names:
        folder = options.cache / name
        if options.again:
            shutil.rmtree(folder, ignore_errors=True)
        log = log_of(name, options.data, options.cache)
        if log is None:
            print(f"{name}: left out, its files are not here")
            continue
        kept[name] = cell(Contest(log, seeds, folder), ks, repeats)
        if not options.fast:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()

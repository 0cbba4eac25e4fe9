"""Who a user is: what frozen taste vectors know of traits that no vector was learned from.

Protocol
--------
Every user is embedded from all of their events; the item tables are learned from all users' events and no trait.
A logistic regression on standardised vectors, 5 stratified folds, its strength chosen among 1e-3, 1e-2, 1e-1 and 1
by 3 folds inside each learning part. AUC for two classes, accuracy for age quartiles. Figures are means over seeds
(of vectors and folds together) with the standard deviation over seeds; ``se`` is the standard error from sampling
users, by folds.

movielens_100k    gender AUC; accuracy of age quartiles (each holds its upper bound). Pairs weigh 1.
complete_journey  income >= 75K, age >= 45, kids AUC, of the households with demographics. log(1 + count).
movielens_1m      gender AUC; age >= 35 AUC. Pairs weigh 1.

Rows: SVD of the TF-IDF matrix and users of ALS on TF-IDF confidences (scale 20), both 64 wide; the set encoder as
initialised, tuned, and the same two with item text through the frequency gate. Confidence scale and epochs of the
set encoder are chosen by NDCG@20 of lists on held-out time, then taken over by the fit on everything, as a run does:
the last 15 % of purchases of complete_journey (lists may repeat), of each user's ratings in the others (they may not).

Run
---
python benchmarks/probes.py [--data .cache/data] [--dataset NAME ...] [--seeds 3] [--fast]

The data sets are made ready in the folder where they are missing (two are fetched by pip). Cells that the results
file has are kept unless --again. --fast takes one seed and the smallest data set.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fenqun.behaviour.factors import als_factors
from fenqun.behaviour.taste import TasteEncoder
from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users
from fenqun.config import Content, Taste
from fenqun.content.items import embed_items
from fenqun.data.datasets import prepare
from fenqun.settings import load_config

RESULTS = Path(__file__).parent / "results" / "probes.json"
DATASETS = ("movielens_100k", "complete_journey", "movielens_1m")
WIDTH, SCALE = 64, 20.0
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
WEALTHY = ("75-99K", "100-124K", "125-149K", "150-174K", "175-199K", "200-249K", "250K+")
MATURE = ("45-54", "55-64", "65+")


@dataclass(frozen=True)
class Task:
    """A data set ready to be probed; a target is -1 where it is unknown."""

    name: str
    counts: sparse.csr_matrix
    learn: sparse.csr_matrix
    held_out: sparse.csr_matrix
    repeats: bool
    targets: dict[str, np.ndarray]
    texts: list[str | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--dataset", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    if options.fast:
        options.seeds, options.dataset = 1, ["movielens_100k"]
    cells: dict[str, Any] = {}
    if RESULTS.is_file():
        cells = json.loads(RESULTS.read_text(encoding="utf-8"))
    if options.again:
        cells = {key: cell for key, cell in cells.items() if key.split("/")[0] not in options.dataset}
    for name in options.dataset:
        task = load(name, options.data)
        for row, embed in rows(task, options.data, options.threads).items():
            missing = [s for s in range(options.seeds) if f"{name}/{row}/{s}" not in cells]
            for seed in missing:
                vectors, chosen = embed(seed)
                found = {what: probe(vectors, target, seed) for what, target in task.targets.items()}
                cells[f"{name}/{row}/{seed}"] = {"targets": found, "chosen": chosen}
                RESULTS.parent.mkdir(exist_ok=True)
                RESULTS.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
            show(name, row, cells)


def show(name: str, row: str, cells: dict[str, Any]) -> None:
    """Print one row of the table: mean over seeds, their deviation, and the error from sampling users."""
    found = [cell for key, cell in cells.items() if key.startswith(f"{name}/{row}/")]
    parts = []
    for what, first in found[0]["targets"].items():
        values = [cell["targets"][what]["value"] for cell in found]
        parts.append(f"{what} {np.mean(values):.3f} ± {np.std(values):.3f} (se {first['se']:.3f}, n {first['n']})")
    print(f"{name:17} {row:34} {len(found)} seeds  {'  '.join(parts)}", flush=True)


# -- vectors -----------------------------------------------------------------------------------


def rows(task: Task, data: Path, threads: int) -> dict[str, Callable[[int], tuple[np.ndarray, Any]]]:
    """Return what is compared: a seed to vectors and to what was chosen on the way."""
    text = embed_items(Content(), task.texts, data / "cache")
    weighting = "log" if task.name == "complete_journey" else "binary"
    weights = weigh_users(task.counts, weighting, inverse_document_frequency(task.counts))

    def svd(seed: int) -> tuple[np.ndarray, Any]:
        return TruncatedSVD(WIDTH, random_state=seed).fit_transform(weights), None

    def als(seed: int) -> tuple[np.ndarray, Any]:
        return als_factors(weights, WIDTH, SCALE, 15, 0.01, seed, threads)[0], {"scale": SCALE}

    def encoder(tune: bool, told: bool) -> Callable[[int], tuple[np.ndarray, Any]]:
        def embed(seed: int) -> tuple[np.ndarray, Any]:
            config = Taste(width=WIDTH, tune=tune)
            content = (text.vectors, text.has_content) if told else (None, None)
            how: Any = {"seed": seed, "threads": threads, "repeats": task.repeats}
            first = TasteEncoder(config).fit(task.learn, *content, task.held_out, **how)
            final = TasteEncoder(config, chosen=first.chosen).fit(task.counts, *content, **how)
            return final.transform(task.counts), first.figures

        return embed

    return {
        "SVD-64": svd,
        "ALS-64 on TF-IDF": als,
        "set encoder, initialised": encoder(False, False),
        "set encoder, tuned": encoder(True, False),
        "set encoder + text, initialised": encoder(False, True),
        "set encoder + text, tuned": encoder(True, True),
    }


def probe(vectors: np.ndarray, target: np.ndarray, seed: int) -> dict[str, Any]:
    """Cross-validate a logistic regression whose strength is chosen inside each fold."""
    known = np.flatnonzero(target >= 0)
    X, y = np.asarray(vectors, dtype=np.float64)[known], target[known]
    two = len(np.unique(y)) == 2
    found = []
    for learn, judge in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y):
        inner = StratifiedKFold(3, shuffle=True, random_state=seed)
        model = GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
            {"logisticregression__C": STRENGTHS},
            scoring="roc_auc" if two else "accuracy",
            cv=inner,
        ).fit(X[learn], y[learn])
        if two:
            found.append(roc_auc_score(y[judge], model.decision_function(X[judge])))
        else:
            found.append(np.mean(model.predict(X[judge]) == y[judge]))
    return {
        "metric": "auc" if two else "accuracy",
        "value": float(np.mean(found)),
        "se": float(np.std(found, ddof=1) / np.sqrt(len(found))),
        "n": len(y),
    }


# -- data --------------------------------------------------------------------------------------


def load(name: str, data: Path) -> Task:
    """Read a data set by its settings; users and items in the order of their ids as text."""
    config = load_config(prepare(name, data / name))
    items = config.data.items
    assert items is not None and config.data.users is not None
    log = config.data.events
    assert log.item is not None
    events = read(log.path, [log.user, log.item, log.time])
    users, user = np.unique(events[log.user], return_inverse=True)
    names, item = np.unique(events[log.item], return_inverse=True)
    repeats = name == "complete_journey"
    late = last(events[log.time], np.zeros_like(user) if repeats else user)

    def count(kept: np.ndarray) -> sparse.csr_matrix:
        ones = np.ones(int(kept.sum()))
        return sparse.csr_matrix((ones, (user[kept], item[kept])), shape=(len(users), len(names)))

    parts = count(np.ones(len(user), dtype=bool)), count(~late), count(late)
    catalogue = read(items.path, [items.item, *items.text])
    told = {
        row[0]: " ".join(word for word in row[1:] if word) or None
        for row in zip(*(catalogue[column] for column in (items.item, *items.text)), strict=True)
    }
    traits = ["income", "age", "kids_count"] if name == "complete_journey" else ["gender", "age"]
    table = read(config.data.users.path, [config.data.users.user, *traits])
    place = {key: row for row, key in enumerate(table[config.data.users.user])}
    row = np.array([place.get(key, -1) for key in users])
    columns = {trait: table[trait][row] for trait in traits}
    return Task(name, *parts, repeats, targets(name, row >= 0, columns), [told.get(key) for key in names])


def last(time: np.ndarray, group: np.ndarray, share: float = 0.15) -> np.ndarray:
    """Mark the last events of each group; epochs and ISO times sort as text of equal length."""
    order = np.lexsort((np.char.zfill(time, 32), group))
    sizes = np.bincount(group)
    rank = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    marked = np.zeros(len(group), dtype=bool)
    marked[order] = rank >= np.ceil(np.repeat(sizes, sizes) * (1 - share))
    return marked


def targets(name: str, known: np.ndarray, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn traits into classes, as the protocol says."""
    if name == "complete_journey":
        found = {
            "income": np.isin(columns["income"], WEALTHY),
            "age": np.isin(columns["age"], MATURE),
            "kids": columns["kids_count"] != "0",
        }
    else:
        years = columns["age"].astype(np.float64)
        quartile = np.digitize(years, np.quantile(years, [0.25, 0.5, 0.75]), right=True)
        found = {"gender": columns["gender"] == "F"}
        found |= {"age quartile": quartile} if name == "movielens_100k" else {"age>=35": years >= 35}
    return {what: np.where(known, values.astype(np.int64), -1) for what, values in found.items()}


def read(path: Any, columns: list[str]) -> dict[str, np.ndarray]:
    """Read columns of a file as text; missing is an empty string."""
    if str(path).startswith("python:"):
        package, _, member = str(path).removeprefix("python:").partition("/")
        found = find_spec(package)
        assert found is not None and found.submodule_search_locations
        path = Path(found.submodule_search_locations[0]) / member
    if str(path).endswith(".parquet"):
        table = pq.read_table(path, columns=columns)
    else:
        everything = pv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()))
        table = pv.read_csv(path, convert_options=everything)
    as_text = {name: pc.fill_null(pc.cast(table[name], pa.string()), "") for name in columns}
    return {name: column.to_numpy(zero_copy_only=False).astype(str) for name, column in as_text.items()}


if __name__ == "__main__":
    main()

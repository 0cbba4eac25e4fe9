"""Language where the log is silent: few users to learn from, items that no log has seen, other catalogues.

Protocol
--------
A *target* log is known through n of its users only: item tables are learned from their events. Then all users of the
target are embedded and judged. Share unseen: 0: the log holds what the n users took; 50, 100: a random half of the
catalogue is taken out of the log, and judged users are embedded by as many old as new items, or by new items only.

Judged by (a) traits that no vector was learned from, where the target has any: ridge regression of the classes on
standardised vectors, 5 stratified folds, strength chosen by leave-one-out inside each learning part (its solution is
closed, so that thousands of probes take minutes); AUC for two classes, accuracy for more; (b) NDCG@20 on each user's last 15 % of events of lists made from what the 30 nearest
users took before (cosine of centred vectors), of at most 600 users; lists hold no item that the user has.

Rows: SVD and users of ALS on the TF-IDF matrix (scale 20; the set encoder's weighting, 64 wide), taste without text,
text alone (whitened, 64 wide), foundation alone, taste with text, with the foundation, and with both. What a taste
row keeps of what it is offered is chosen on the last 15 % of the n users' own events. A row whose fit knows none of a
user's items has a zero vector for them.

Transfers: where the foundation comes from. Titles that both catalogues have (compared in lower case, letters and
digits only) are taken out of the source before it learns. thucnews: users are simulated on real Chinese titles, each
with a main topic (70 % of 20 titles) and a second; the source holds other titles and other users.

3 draws (users, unseen items, seeds). A cell is one transfer, n and share; figures are means over draws; intervals of
paired differences are a bootstrap over users that are judged in every draw alike, 95 %.

Run
---
python benchmarks/language.py [--data .cache/data] [--shared FOLDER] [--transfer NAME ...] [--encoder NAME] [--fast]

--shared (or FENQUN_SHARED) is the folder of lastfm_hetrec2011 and thucnews_titles_zh; transfers that need a missing
one are skipped with a notice. Cells that the results file has are kept. --fast: one draw, one transfer, two sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow.csv as pv
import pyarrow.parquet as pq
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from fenqun.behaviour.factors import als_factors
from fenqun.behaviour.foundation import Foundation, Texts
from fenqun.behaviour.neighbours import NeighbourLists
from fenqun.behaviour.pretraining import Source, pretrain
from fenqun.behaviour.taste import TasteEncoder
from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users
from fenqun.config import Content, Taste
from fenqun.content.whitening import Whitening
from fenqun.evaluation.intervals import around, bootstrap, mean_statistic, point
from fenqun.settings import load_config
from probes import last, load

RESULTS = Path(__file__).parent / "results" / "language.json"
WIDTH, SCALE, REPEATS = 64, 20.0, 500
SIZES, SHARES = (50, 100, 300, 1000), (0, 50, 100)
STRENGTHS = np.logspace(1, 5, 9)
TRANSFERS = {
    "movielens_1m to movielens_100k": ("movielens_1m", "movielens_100k"),
    "movielens_1m to lastfm": ("movielens_1m", "lastfm_hetrec2011"),
    "lastfm to movielens_1m": ("lastfm_hetrec2011", "movielens_1m"),
    "thucnews to other titles": ("thucnews dev", "thucnews test"),
}
TOLD = ("text", "foundation", "taste + text", "taste + foundation", "taste + both")
UNTOLD = ("SVD", "ALS", "taste")


@dataclass(frozen=True)
class Log:
    """A log with its texts; a target is -1 where it is unknown."""

    name: str
    learn: sparse.csr_matrix
    held_out: sparse.csr_matrix
    titles: list[str]
    texts: list[str | None]
    targets: dict[str, np.ndarray]


@dataclass(frozen=True)
class Cell:
    """What one cell learns from: the n users' events, and the bags that embed the judged users."""

    learn: sparse.csr_matrix
    held_out: sparse.csr_matrix
    bags: sparse.csr_matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("FENQUN_SHARED", "../shared/data")))
    parser.add_argument("--transfer", nargs="+", choices=list(TRANSFERS), default=list(TRANSFERS))
    parser.add_argument("--encoder", default="use", help="As content.encoder, such as huggingface:FOLDER.")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--fast", action="store_true")
    options = parser.parse_args()
    if options.fast:
        options.draws, options.transfer, options.sizes = 1, options.transfer[:1], [50, 300]
    for transfer in options.transfer:
        for key, compute in cells(transfer, options):
            known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
            if key not in known:
                known[key] = compute()
                RESULTS.parent.mkdir(exist_ok=True)
                RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
            show(key, known[key])


def cells(transfer: str, options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yield the cells of a transfer: key, and what computes it."""
    source_name, target_name = TRANSFERS[transfer]
    for name in (source_name, target_name):
        folder = name.split()[0].replace("thucnews", "thucnews_titles_zh")
        if not name.startswith("movielens") and not (options.shared / folder).is_dir():
            print(f"{transfer}: skipped, {folder} is not in {options.shared}")
            return
    for n in options.sizes:
        for share in SHARES:
            key = f"{options.encoder}/{transfer}/{n}/{share}/{options.draws} draws"
            yield key, lambda n=n, share=share: cell(source_name, target_name, n, share, options)


def show(key: str, found: dict[str, Any]) -> None:
    """Print a cell: a line a row, and the differences that the bar asks for."""
    print(f"{key}  (log of {found['n']} users, {found['users']} embedded)")
    for row, figures in found["rows"].items():
        print(f"  {row:22}" + "  ".join(f"{what} {value:.3f}" for what, value in figures.items()))
    for what, pair in found["best told less best untold"].items():
        print(
            f"  {what}: {pair['told']} less {pair['untold']} {pair['value']:+.3f} [{pair['low']:+.3f}, {pair['high']:+.3f}]"
        )
    print(flush=True)


# -- one cell ----------------------------------------------------------------------------------


def cell(source_name: str, target_name: str, n: int, share: int, options: argparse.Namespace) -> dict[str, Any]:
    """Compute all rows in all draws, and compare them in pairs."""
    target = read(target_name, options.data, options.shared)
    texts = encoded(target_name, options.encoder, options.data, options.shared)
    white = np.where(
        texts.has_text[:, None], Whitening.fit(texts.vectors[texts.has_text], WIDTH).transform(texts.vectors), 0
    )
    rows = foundation_of(source_name, target_name, options.encoder, options.data, options.shared).rows(texts)
    lists = NeighbourLists.of(target.learn, target.held_out, False, 0)
    assert lists is not None
    statistics: dict[str, dict[str, list[Any]]] = {}
    parts: dict[str, list[Any]] = {}
    for draw in range(options.draws):
        drawn = draw_cell(target, n, share, draw)
        for row, embed in embeddings(drawn, white, texts.has_text, rows).items():
            vectors, figures = embed(draw)
            parts.setdefault(row, []).append(figures.get("parts"))
            per_user = np.full(target.learn.shape[0], np.nan)
            per_user[lists.users] = lists.ndcg(vectors)
            found = {"ndcg": mean_statistic(per_user)}
            found |= {what: probe(vectors, target.targets[what], draw) for what in target.targets}
            for what, statistic in found.items():
                statistics.setdefault(what, {}).setdefault(row, []).append(statistic)
    return compare(statistics, target.learn.shape[0]) | {
        "n": min(n, target.learn.shape[0]),
        "users": target.learn.shape[0],
        "parts": {row: found for row, found in parts.items() if any(found)},
    }


def draw_cell(target: Log, n: int, share: int, draw: int) -> Cell:
    """Draw the users of the log and the items that it does not hold."""
    random = np.random.default_rng([draw, n, share])
    users = np.sort(random.permutation(target.learn.shape[0])[:n])
    everyone = target.learn
    if share == 0:
        return Cell(everyone[users], target.held_out[users], everyone)
    new = random.random(everyone.shape[1]) < 0.5
    old = sparse.diags((~new).astype(np.float64))
    bags = everyone.tocoo()
    order = np.lexsort((random.random(bags.nnz), new[bags.col], bags.row))
    user, item = bags.row[order], bags.col[order]
    if share == 50:  # as many old as new items: the rarer kind sets the number
        group = 2 * user.astype(np.int64) + new[item]
        sizes = np.bincount(group, minlength=2 * everyone.shape[0])
        rank = np.arange(len(group)) - (np.cumsum(sizes) - sizes)[group]
        kept = rank < np.minimum(sizes[0::2], sizes[1::2])[user]
    else:
        kept = new[item]
    ones = sparse.csr_matrix((bags.data[order][kept], (user[kept], item[kept])), shape=everyone.shape)
    return Cell(sparse.csr_matrix(everyone[users] @ old), sparse.csr_matrix(target.held_out[users] @ old), ones)


def embeddings(
    drawn: Cell, white: np.ndarray, has_text: np.ndarray, foundation: np.ndarray
) -> dict[str, Callable[[int], tuple[np.ndarray, dict[str, Any]]]]:
    """Return what is compared: a seed to vectors of all users and to what was chosen on the way."""
    whole = sparse.csr_matrix(drawn.learn + drawn.held_out)
    idf = inverse_document_frequency(whole)
    logged, bags = weigh_users(whole, "binary", idf), weigh_users(drawn.bags, "binary", idf)

    def taste(text: bool, transfer: bool) -> Callable[[int], tuple[np.ndarray, dict[str, Any]]]:
        def embed(seed: int) -> tuple[np.ndarray, dict[str, Any]]:
            told = (white, has_text) if text else (None, None)
            how: dict[str, Any] = {"seed": seed, "foundation": foundation if transfer else None}
            first = TasteEncoder(Taste()).fit(drawn.learn, *told, drawn.held_out, **how)
            final = TasteEncoder(Taste(), chosen=first.chosen).fit(whole, *told, **how)
            return final.transform(drawn.bags), final.figures

        return embed

    def items_of(table: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        return np.asarray(bags @ table), {}

    width = min(WIDTH, min(whole.shape) - 1)
    return {
        "SVD": lambda seed: items_of(TruncatedSVD(width, random_state=seed).fit(logged).components_.T),
        "ALS": lambda seed: items_of(als_factors(logged, width, SCALE, 15, 0.01, seed, 1)[1]),
        "taste": taste(False, False),
        "text": lambda seed: items_of(white),
        "foundation": lambda seed: items_of(foundation),
        "taste + text": taste(True, False),
        "taste + foundation": taste(False, True),
        "taste + both": taste(True, True),
    }


def compare(statistics: dict[str, dict[str, list[Any]]], n: int) -> dict[str, Any]:
    """Return means over draws, and paired differences of every told row to every untold one."""
    rows: dict[str, dict[str, float]] = {}
    pairs: dict[str, dict[str, Any]] = {}
    best: dict[str, Any] = {}
    for what, by_row in statistics.items():
        mean = {
            row: lambda w, found=found: np.mean([one(w) for one in found], axis=0) for row, found in by_row.items()
        }
        draws = dict(zip(mean, bootstrap(list(mean.values()), n, REPEATS, 0), strict=True))
        values = {row: point(statistic, n) for row, statistic in mean.items()}
        for row, value in values.items():
            rows.setdefault(row, {})[what] = value
        for told in TOLD:
            for untold in UNTOLD:
                value = values[told] - values[untold]
                low, high = around(value, draws[told] - draws[untold])
                pairs.setdefault(what, {})[f"{told} less {untold}"] = {"value": value, "low": low, "high": high}
        told, untold = (max(names, key=lambda row: values[row]) for names in (TOLD[2:], UNTOLD))
        best[what] = {"told": told, "untold": untold, **pairs[what][f"{told} less {untold}"]}
    return {"rows": rows, "best told less best untold": best, "pairs": pairs}


def probe(vectors: np.ndarray, target: np.ndarray, seed: int) -> Any:
    """Return the figure of a probe as a function of user weights: AUC or accuracy outside the learning parts."""
    known = np.flatnonzero(target >= 0)
    X, y = np.asarray(vectors, dtype=np.float64)[known], target[known]
    two = len(np.unique(y)) == 2
    told = np.zeros(len(y))
    for learn, judge in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y):
        scaler = StandardScaler().fit(X[learn])
        classes = np.eye(y.max() + 1)[y[learn]]
        model = RidgeCV(alphas=STRENGTHS).fit(scaler.transform(X[learn]), classes)
        score = model.predict(scaler.transform(X[judge]))
        # Ranks within a fold: models of different folds have different scales.
        told[judge] = score[:, 1].argsort().argsort() / len(judge) if two else score.argmax(axis=1) == y[judge]
    if not two:
        everyone = np.full(len(target), np.nan)
        everyone[known] = told
        return mean_statistic(everyone)
    order = np.argsort(told, kind="stable")
    positive, at = y[order] == 1, known[order]

    def auc(weights: np.ndarray) -> np.ndarray:
        drawn = weights[:, at]
        below = np.cumsum(np.where(positive, 0.0, drawn), axis=1)
        hits = (np.where(positive, drawn, 0.0) * below).sum(axis=1)
        return hits / (drawn[:, positive].sum(axis=1) * drawn[:, ~positive].sum(axis=1))

    return auc


# -- data --------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def read(name: str, data: Path, shared: Path) -> Log:
    """Read a log by its name."""
    if name.startswith("movielens"):
        task = load(name, data)
        items = load_config(data / name / f"{name}.yaml").data.items
        assert items is not None
        table = pv.read_csv(items.path, convert_options=pv.ConvertOptions(strings_can_be_null=False))
        by_text = dict(zip(*(map(str, table[column].to_pylist()) for column in (items.item, "title")), strict=True))
        titles = [by_text.get(key, "") for key in item_ids(data / name)]
        return Log(name, task.learn, task.held_out, titles, task.texts, task.targets)
    if name.startswith("lastfm"):
        return lastfm(shared / name)
    return simulated(shared / "thucnews_titles_zh", name.split()[1])


def item_ids(folder: Path) -> np.ndarray:
    """Return the items of a log, in the order of :func:`probes.load`."""
    return np.unique(np.array(pq.read_table(folder / "events.parquet")["item_id"].to_pylist(), dtype=str))


def lastfm(folder: Path) -> Log:
    """Read who tagged which artist, each pair once, by its first time; texts are names and tags of the catalogue."""
    events = pq.read_table(folder / "std_events.parquet").to_pandas()
    pairs = events.groupby(["user_id", "item_id"], as_index=False)["timestamp"].min()
    users, user = np.unique(pairs["user_id"], return_inverse=True)
    items, item = np.unique(pairs["item_id"], return_inverse=True)
    late = last(pairs["timestamp"].astype("int64").to_numpy().astype(str), user)
    table = pv.read_csv(folder / "std_items.csv")
    texts = dict(zip(table["item_id"].to_pylist(), table["text"].to_pylist(), strict=True))
    # The tags of the catalogue were given by these very listeners: the name alone is text that others wrote.
    names = [(texts.get(key) or "").split(" | ")[0] for key in items]
    parts = [
        sparse.csr_matrix((np.ones(int(kept.sum())), (user[kept], item[kept])), shape=(len(users), len(items)))
        for kept in (~late, late)
    ]
    return Log("lastfm", parts[0], parts[1], names, [name or None for name in names], {})


def simulated(folder: Path, part: str, n: int = 1000, size: int = 20) -> Log:
    """Simulate users of real titles: 70 % of 20 titles from a main topic, the others from a second."""
    random = np.random.default_rng([len(part), n, ord(part[0])])
    lines = [line.rsplit("\t", 1) for line in (folder / f"{part}.txt").read_text(encoding="utf-8").splitlines()]
    chosen = random.permutation(len(lines))[:4000]
    titles, topic = [lines[i][0] for i in chosen], np.array([int(lines[i][1]) for i in chosen])
    main = random.integers(0, 10, n)
    second = (main + random.integers(1, 10, n)) % 10
    of = np.where(random.random((n, size)) < 0.7, main[:, None], second[:, None])
    item = np.zeros((n, size), dtype=np.int64)
    for one in range(10):
        item[of == one] = random.choice(np.flatnonzero(topic == one), int((of == one).sum()))
    kept = size - 3
    parts = [
        sparse.csr_matrix(
            (np.ones(block.size), (np.repeat(np.arange(n), block.shape[1]), block.ravel())), shape=(n, len(titles))
        )
        for block in (item[:, :kept], item[:, kept:])
    ]
    for matrix in parts:
        matrix.data[:] = 1.0
    return Log(f"thucnews {part}", parts[0], parts[1], titles, list(titles), {"main topic": main})


@lru_cache(maxsize=8)
def encoded(name: str, encoder: str, data: Path, shared: Path) -> Texts:
    """Encode the texts of a log."""
    return Texts.encode(Content(encoder=encoder), read(name, data, shared).texts, data / "cache")


@lru_cache(maxsize=4)
def foundation_of(source_name: str, target_name: str, encoder: str, data: Path, shared: Path) -> Foundation:
    """Pretrain on the source, without the titles that the target has."""
    source, target = read(source_name, data, shared), read(target_name, data, shared)
    texts = encoded(source_name, encoder, data, shared)
    shown = {plain(title) for title in target.titles}
    kept = np.array([plain(title) not in shown for title in source.titles])
    print(f"{source_name}: {int(kept.sum())} of {len(kept)} items are not in {target_name}", flush=True)
    own = Texts(texts.vectors[kept], texts.has_text[kept], texts.encoder)
    return pretrain(
        [Source(source_name, own, source.learn[:, kept].tocsr(), source.held_out[:, kept].tocsr(), False)],
        Taste(),
        WIDTH,
    )


def plain(title: str) -> str:
    """Letters and digits of a title, in lower case.

    >>> plain("Toy Story (1995)") == plain("toy story, 1995")
    True
    """
    return re.sub(r"[\W_]", "", title.lower())


if __name__ == "__main__":
    main()

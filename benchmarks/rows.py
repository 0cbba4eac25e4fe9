"""Rows of the representation benchmark: one vector a user of a log, learned from that log alone.

Settings are chosen on the log's own validation time (the road's first fit), then taken over by a fit on everything
before the cut. Users and items stand in the road's order. None is a row that a log has nothing for.

RFM, aggregates       recency, frequency and value; all profile aggregates, robustly scaled
interest              shares of categories (of items, where the catalogue has no categories)
bag                   L2-normalised TF-IDF counts, as they are; linear probe only
SVD-64, SVD-128       of the bag
ALS, ALS TF-IDF       users of a factorisation, 64 wide; confidence scale by held-out NDCG among 5, 20 and 80 (1, 5, 20)
random encoder        control: the set encoder with a table of random numbers
initialised encoder   control: the set encoder before it is tuned, item text in its gate
untrained intent      control: the sequence model as it starts
CoLES, SASRec, BERT4Rec
                      from their own libraries, three minutes at most; a log without items gives them tenths of the
                      value as items, as they would see nothing else
taste, intent, rhythm, fused
                      the blocks with the settings of a run; fused with a run's fixed weights, before gate and reduction
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from fenqun.behaviour.factors import als_factors
from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.behaviour.listing import Listing
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.behaviour.weighting import damp, inverse_document_frequency, unit_rows, usual_weighting, weigh_users
from fenqun.data.cuts import Cut, horizon_seconds, make_cuts
from fenqun.data.profiles import RhythmScaler, category_shares
from fenqun.data.splits import JUDGED, LEARNED
from fenqun.pipeline.blocks import block_weights, categories_now
from fenqun.pipeline.context import Context
from fenqun.progress import Silent
from fenqun.vectors.fusion import Fusion
from peers import peer_vectors
from tasks import Log

WIDTH = 64
MOST_SECONDS = 180
LEARNED_ALL = LEARNED["final"]
RFM = ("recency_days", "frequency", "n_events", "monetary")

Vectors = Any


@dataclass(frozen=True)
class Maker:
    """Makes rows of one log and seed; what was made is kept in a folder.

    Attributes
    ----------
    log, seed, threads
        Of what is learned.
    folder
        Where vectors are kept, one file a row and seed.
    """

    log: Log
    seed: int
    threads: int
    folder: Path

    def kept(self, row: str) -> Path:
        """Where a row is kept."""
        return self.folder / f"{row.replace(' ', '_')}-{self.seed}.npz"

    def vectors(self, row: str) -> tuple[Vectors, float]:
        """Return a row, or None where the log has nothing for it, and the seconds it took to learn."""
        kept = self.kept(row)
        if kept.is_file():
            with np.load(kept) as stored:
                return stored["vectors"], float(stored["seconds"])
        start = time.monotonic()
        made = ROWS[row](self)
        seconds = time.monotonic() - start
        if made is not None and not sparse.issparse(made):
            made = np.asarray(made, dtype=np.float32)
            self.folder.mkdir(parents=True, exist_ok=True)
            np.savez(kept, vectors=made, seconds=seconds)
        return made, seconds

    # -- what the log holds --------------------------------------------------------------------

    @property
    def bag(self) -> sparse.csr_matrix | None:
        """TF-IDF rows; None where the log is about one item."""
        return _tf_idf(self.log.phases.counts("final")) if self.log.phases.store.has["items"] else None

    def chosen_scale(self, weigh: Callable[[Any], Any], scales: tuple[float, ...]) -> float:
        """Return the confidence scale whose lists are best on validation time."""
        counts, truth = self.log.phases.counts("select"), self.log.phases.truth("select")
        judge = Listing.of(counts, truth, self.log.phases.repeats, self.seed)
        if judge is None:
            return scales[1]
        weights = weigh(counts)
        tried = [(judge.ndcg(*self.factors(weights, scale)), -scale) for scale in scales]
        return -max(tried)[1]

    def factors(self, weights: sparse.csr_matrix, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """Users and items of a factorisation, at most as wide as the log is."""
        return als_factors(weights, min(WIDTH, *weights.shape), scale, 15, 0.01, self.seed, self.threads)

    def fitted_taste(self, **settings: Any) -> TasteEncoder:
        """The set encoder as a run fits it, on everything before the cut."""
        phases = self.log.phases
        config = phases.config.behaviour.taste.model_copy(update=settings)
        table = phases.run.read_table("item_vectors.parquet", ["vector"])["vector"]
        told = np.stack(table.to_numpy(zero_copy_only=False)), np.load(phases.run.require("work/has_content.npy"))
        how: Any = {"repeats": phases.repeats, "seed": self.seed, "threads": self.threads}
        active = phases.active("select")
        first = TasteEncoder(config).fit(
            phases.counts("select")[active], *told, validation=phases.truth("select")[active], **how
        )
        return TasteEncoder(config, chosen=first.chosen).fit(phases.counts("final"), *told, **how)


def _tf_idf(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    return weigh_users(counts, usual_weighting(counts), inverse_document_frequency(counts))


# -- rows --------------------------------------------------------------------------------------


def rfm(maker: Maker) -> Vectors:
    profiles = maker.log.phases.profiles("final")
    columns = [name for name in RFM if name in profiles.schema.names]
    return RhythmScaler.fit(profiles.select(columns)).transform(profiles.select(columns))


def aggregates(maker: Maker) -> Vectors:
    profiles = maker.log.phases.profiles("final")
    return RhythmScaler.fit(profiles).transform(profiles)


def interest(maker: Maker) -> Vectors:
    phases = maker.log.phases
    counts = phases.counts("final")
    if not phases.store.has["items"]:
        return None
    codes, names = phases.store.categories
    if not names:
        codes, names = np.arange(counts.shape[1], dtype=np.int32), [""] * counts.shape[1]
    return category_shares(counts, codes, len(names)) if len(names) < 1000 else None


def bag(maker: Maker) -> Vectors:
    return maker.bag


def svd(width: int) -> Callable[[Maker], Vectors]:
    def row(maker: Maker) -> Vectors:
        weights = maker.bag
        if weights is None:
            return None
        least = min(width, min(weights.shape) - 1)
        return TruncatedSVD(least, random_state=maker.seed).fit_transform(weights)

    return row


def als_plain(maker: Maker) -> Vectors:
    def weigh(counts: sparse.csr_matrix) -> sparse.csr_matrix:
        return damp(counts, usual_weighting(counts))

    if maker.bag is None:
        return None
    return maker.factors(weigh(maker.log.phases.counts("final")), maker.chosen_scale(weigh, (1.0, 5.0, 20.0)))[0]


def als_weighted(maker: Maker) -> Vectors:
    if maker.bag is None:
        return None
    return maker.factors(maker.bag, maker.chosen_scale(_tf_idf, (5.0, 20.0, 80.0)))[0]


def random_encoder(maker: Maker) -> Vectors:
    weights = maker.bag
    if weights is None:
        return None
    return unit_rows(weights @ np.random.default_rng([maker.seed, 1]).normal(size=(weights.shape[1], WIDTH)))


def taste(**settings: Any) -> Callable[[Maker], Vectors]:
    def row(maker: Maker) -> Vectors:
        encoder = maker.fitted_taste(**settings)
        return encoder.transform(maker.log.phases.counts("final")) if encoder.informative else None

    return row


def intent(train: bool) -> Callable[[Maker], Vectors]:
    def row(maker: Maker) -> Vectors:
        phases, config = maker.log.phases, maker.log.phases.config.behaviour.intent
        table = maker.fitted_taste().item_table
        how: Any = {"repeats": phases.repeats, "train": train, "seed": maker.seed}
        # A log about one item has no lists to choose a checkpoint by.
        judged = JUDGED["select"] if phases.store.has["items"] else None
        splits = phases.splits
        seen, now = (splits.shared_now(phase) for phase in ("select", "final"))
        first = IntentEncoder(config).fit(phases.store, LEARNED["select"], table, judged=judged, now=seen, **how)
        encoder = IntentEncoder(config, chosen=first.chosen).fit(phases.store, LEARNED_ALL, table, now=now, **how)
        return encoder.transform(phases.store, LEARNED_ALL, now=now)

    return row


def rhythm(maker: Maker) -> Vectors:
    phases = maker.log.phases
    config, store, splits = phases.config, phases.store, phases.splits
    now, profiles = splits.now("final"), phases.profiles("final")
    cuts: list[Cut] = []
    if config.behaviour.rhythm.forecast and splits.judges_value:
        context = Context(config, phases.run, Silent())
        try:
            horizon = horizon_seconds(config, splits)
            cuts = make_cuts(context.engine, phases.run, store, LEARNED_ALL, now, config, horizon)
        finally:
            context.close()
    history = categories_now(phases, "final")
    return RhythmEncoder(maker.seed).fit(profiles, history, cuts).transform(profiles, history)


def peer(name: str) -> Callable[[Maker], Vectors]:
    def row(maker: Maker) -> Vectors:
        store = maker.log.phases.store
        user = np.repeat(np.arange(store.n_users), np.diff(store.offsets))
        value = np.asarray(store.value)
        item, n_items = np.asarray(store.item), store.n_items
        if not store.has["items"]:
            item = np.searchsorted(np.nanquantile(value, np.arange(1, 10) / 10), np.nan_to_num(value))
            n_items = 10
        events = pa.table(
            {
                "user": user.astype(np.int64),
                "item": item.astype(np.int64),
                "event_type": np.asarray(store.event_type).astype(np.int64),
                "value": np.nan_to_num(value).astype(np.float64),
                "time": np.asarray(store.time),
            }
        )
        cache = maker.folder.parents[1] / "peers"
        return peer_vectors(
            name.lower(), events, store.n_users, n_items, maker.seed, MOST_SECONDS, maker.threads, cache
        )

    return row


def fused(maker: Maker) -> Vectors:
    weights = block_weights(maker.log.phases.config)
    if maker.bag is None:
        weights.pop("intent", None)  # a run trains no sequence model on a log about one item
    blocks = {name: maker.vectors(name)[0] for name in weights}
    blocks = {name: block for name, block in blocks.items() if block is not None}
    return Fusion({name: weights[name] for name in blocks}).fit_transform(blocks)


ROWS: dict[str, Callable[[Maker], Vectors]] = {
    "RFM": rfm,
    "aggregates": aggregates,
    "interest": interest,
    "bag": bag,
    "SVD-64": svd(64),
    "SVD-128": svd(128),
    "ALS": als_plain,
    "ALS TF-IDF": als_weighted,
    "CoLES": peer("CoLES"),
    "SASRec": peer("SASRec"),
    "BERT4Rec": peer("BERT4Rec"),
    "random encoder": random_encoder,
    "initialised encoder": taste(tune=False),
    "untrained intent": intent(train=False),
    "taste": taste(),
    "intent": intent(train=True),
    "rhythm": rhythm,
    "fused": fused,
}
"""Rows in the order of the table."""

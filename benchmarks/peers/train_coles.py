"""Runs inside the environment ``lifestream``: train CoLES and write user vectors.

Settings are those of the library's notebook on embeddings (5 random slices a user of 25 to 200 events, contrastive
loss with margin 0.5 and 5 hard negatives, unit vectors in training, Adam 1e-3 that decays by 0.9 every 30 epochs,
noise 0.003 on embeddings) except for the width, 128 instead of 256, and the batch, the loader's default of 64
users instead of 256, both so that the few minutes hold more steps. Where half of the users have fewer
than 100 events, the shortest slice is a quarter of the median length. An event is an item's embedding (width 64), its
type's (16, where there are several), its value and the days since the last event (both log).
A tenth of the users is held out; the checkpoint with the best recall of slices of the same user is kept.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytorch_lightning as pl
import torch
from ptls.data_load.datasets import MemoryMapDataset, inference_data_loader
from ptls.data_load.iterable_processing import SeqLenFilter
from ptls.frames import PtlsDataModule
from ptls.frames.coles import ColesDataset, CoLESModule
from ptls.frames.coles.split_strategy import SampleSlices
from ptls.nn import RnnSeqEncoder, TrxEncoder
from training import Clock, trainer

WIDTH = 128
LAST = 2000
Records = list[dict[str, Any]]


def main(settings: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    pl.seed_everything(settings["seed"], verbose=False)
    folder = Path(settings["folder"])
    records, users = read(folder / "events.parquet")
    encoder = RnnSeqEncoder(trx_encoder=event_encoder(records, settings["n_items"]), hidden_size=WIDTH, type="gru")
    module = CoLESModule(
        seq_encoder=encoder,
        optimizer_partial=partial(torch.optim.Adam, lr=0.001),
        lr_scheduler_partial=partial(torch.optim.lr_scheduler.StepLR, step_size=30, gamma=0.9),
    )
    clock = Clock("valid/recall_top_k", larger=True, seconds=settings["seconds"])
    trainer(clock).fit(module, loaders(records, settings["seed"]))
    done = clock.restore(module)
    vectors = np.zeros((settings["n_users"], WIDTH), dtype=np.float32)
    module.eval()
    encoder.is_reduce_sequence = True
    with torch.no_grad():
        batches = inference_data_loader(records, max_seq_len=LAST, batch_size=64)
        vectors[users] = np.concatenate([encoder(batch).numpy() for batch in batches])
    np.savez(folder / "arrays.npz", users=vectors)
    (folder / "done.json").write_text(json.dumps(done))


def read(path: Path) -> tuple[Records, np.ndarray]:
    """Return one record a user with events, as the library's preprocessing makes them, and the users."""
    table = pq.read_table(path)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    users, starts = np.unique(columns["user"], return_index=True)
    days = columns["time"] / 86400.0
    since = np.diff(days, prepend=days[:1])
    since[starts] = 0.0
    fields = {
        "event_time": columns["time"],
        "item": columns["item"] + 1,
        "since": since.astype(np.float32),
    }
    if len(np.unique(columns["event_type"])) > 1:
        fields["event_type"] = columns["event_type"] + 1
    value = np.nan_to_num(columns["value"].astype(np.float32))
    if len(np.unique(value)) > 1:
        fields["value"] = value
    stops = [*starts[1:], len(days)]
    records = [
        {name: torch.from_numpy(field[start:stop]) for name, field in fields.items()}
        for start, stop in zip(starts, stops, strict=True)
    ]
    return records, users


def event_encoder(records: Records, n_items: int) -> TrxEncoder:
    """Return the encoder of one event."""
    embeddings = {"item": {"in": max(n_items + 1, 3), "out": 64}}
    if "event_type" in records[0]:
        types = max(int(record["event_type"].max()) for record in records) + 1
        embeddings["event_type"] = {"in": max(types, 3), "out": 16}
    numbers = {name: "log" for name in ("since", "value") if name in records[0]}
    return TrxEncoder(embeddings_noise=0.003, numeric_values=numbers, embeddings=embeddings)


def loaders(records: Records, seed: int) -> PtlsDataModule:
    """Return slices of users to learn from and of a tenth to validate on."""
    median = int(np.median([len(record["item"]) for record in records]))
    shortest = min(25, max(median // 4, 1))
    order = np.random.default_rng(seed).permutation(len(records))
    held_out = max(len(order) // 10, min(16, len(order) // 2))

    def slices(rows: np.ndarray) -> ColesDataset:
        kept = MemoryMapDataset(
            [records[row] for row in rows], i_filters=[SeqLenFilter(min_seq_len=shortest)], n_jobs=1
        )
        return ColesDataset(kept, splitter=SampleSlices(split_count=5, cnt_min=shortest, cnt_max=200))

    # Recall at 4 of a batch is easier the smaller the batch: all validation users together, at most 512.
    return PtlsDataModule(
        train_data=slices(order[held_out:]),
        train_batch_size=64,
        train_drop_last=len(order) - held_out > 64,
        valid_data=slices(order[:held_out][:512]),
        valid_batch_size=512,
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

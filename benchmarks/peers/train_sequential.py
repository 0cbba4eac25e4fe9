"""Runs inside the environment ``rectools``: train SASRec or BERT4Rec and write user vectors and item embeddings.

The library's defaults (2 blocks, 4 heads, dropout 0.2, Adam 1e-3, batches of 128, last 100 events) except for the
width, 128 instead of 256, and for the loss on more than 2,000 items: gBCE with 16 negatives and t = 0.75 (Petrov and
Macdonald 2023, which the library names) instead of the softmax over all items, which takes three times as long a step
at 3,706 items and gigabytes a step at 68,000. Both let the few minutes hold more steps. As in the
library's guide to training, the last event of up to 2,048 users is held out and the checkpoint with the best
validation loss is kept. Vectors are the last state of each user's whole sequence, as the library recommends from.

Further settings: ``width``, ``length`` and ``loss`` replace those above; ``held_out`` is the number of users whose last
event is held out (0: all; a check still looks at 2,048).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import BERT4RecModel, SASRecModel
from rectools.models.nn.transformers.utils import leave_one_out_mask
from training import Clock, trainer

MODELS = {"sasrec": SASRecModel, "bert4rec": BERT4RecModel}
NEGATIVES = {"gBCE": 16}


def main(settings: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    pl.seed_everything(settings["seed"], verbose=False)
    folder = Path(settings["folder"])
    dataset = read(folder / "events.parquet")
    clock = Clock("val_loss", larger=False, seconds=settings["seconds"])
    model = MODELS[settings["model"]](
        n_factors=settings.get("width", 128),
        session_max_len=settings.get("length", 100),
        get_val_mask_func=leave_one_out_mask,
        get_val_mask_func_kwargs={"val_users": held_out(dataset, settings.get("held_out", 2048))},
        get_trainer_func=lambda: trainer(clock),
        loss=settings.get("loss", "softmax" if settings["n_items"] <= 2000 else "gBCE"),
        n_negatives=NEGATIVES.get(settings.get("loss", "gBCE"), 1),
        gbce_t=0.75,
    )
    model.fit(dataset)
    # The library trains a copy of the trainer, and of its callbacks with it.
    done = model.fit_trainer.callbacks[0].restore(model.lightning_model)
    users, items = vectors(model, dataset, settings["n_users"], settings["n_items"])
    np.savez(folder / "arrays.npz", users=users, **items)
    (folder / "done.json").write_text(json.dumps(done))


def read(path: Path) -> Dataset:
    """Return the events as the library's data set; rows keep their order where times are equal."""
    events = pd.read_parquet(path)
    return Dataset.construct(
        pd.DataFrame(
            {
                Columns.User: events["user"],
                Columns.Item: events["item"],
                Columns.Weight: 1.0,
                Columns.Datetime: pd.to_datetime(events["time"], unit="s"),
            }
        )
    )


def held_out(dataset: Dataset, number: int) -> list[int] | None:
    """Choose users whose last event validates, among those with enough to learn from before it."""
    events = dataset.get_raw_interactions()[Columns.User].value_counts()
    able = np.sort(events.index[events >= 3].to_numpy())
    if number == 0 or len(able) <= number:
        return able.tolist()
    return np.sort(np.random.default_rng(0).choice(able, number, replace=False)).tolist()


def vectors(model: Any, dataset: Dataset, n_users: int, n_items: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return last states in the order of users, and item embeddings with a mark of the items that have one."""
    everyone = dataset.user_id_map.external_ids
    known = model._custom_transform_dataset_u2i(dataset, everyone, "ignore")
    batches = model.data_preparator.get_dataloader_recommend(known, 256)
    states, table = model.lightning_model._get_user_item_embeddings(batches, "cpu")
    users = np.zeros((n_users, states.shape[1]), dtype=np.float32)
    users[known.user_id_map.external_ids.astype(np.int64)] = states.numpy()
    items = np.zeros((n_items, states.shape[1]), dtype=np.float32)
    learned = np.zeros(n_items, dtype=bool)
    ids = model.data_preparator.get_known_item_ids().astype(np.int64)
    items[ids] = table.numpy()[model.data_preparator.get_known_items_sorted_internal_ids()]
    learned[ids] = True
    return users, {"items": items, "learned": learned}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

"""Runs inside the environment ``rectools``: time SASRec's training steps and its embedding of users.

Two blocks, two heads, width and length as asked for, the library's batch of 128 in training. A step is loss, gradient
and Adam on a batch that lies ready; embedding is the last states of users that lie ready, in batches of the
library's 256 or of 64, whichever is faster. ``loss`` is the library's default, softmax over all items, or BCE with
one negative item, as in the paper.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytorch_lightning as pl
import torch
from rectools.models import SASRecModel
from timing import faster, serve
from train_sequential import read


def main(settings: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pl.seed_everything(0, verbose=False)
    model = SASRecModel(
        n_blocks=settings["depth"],
        n_heads=settings["heads"],
        n_factors=settings["width"],
        session_max_len=settings["length"],
        loss=settings["loss"],
    )
    dataset = read(settings["events"])
    model._build_model_from_dataset(dataset)
    module = model.lightning_model
    module._xavier_normal_init()
    optimizer = module.configure_optimizers()
    ready = list(model.data_preparator.get_dataloader_train())
    known = model._custom_transform_dataset_u2i(dataset, dataset.user_id_map.external_ids, "ignore")

    def train() -> int:
        module.train()
        for batch in ready:
            optimizer.zero_grad(set_to_none=True)
            module.loss_calculator(module.get_batch_logits(batch), batch["y"], batch["yw"]).backward()
            optimizer.step()
        return sum(int((batch["x"] != 0).sum()) for batch in ready)

    def embed(size: int) -> Any:
        batches = list(model.data_preparator.get_dataloader_recommend(known, size))

        def work() -> int:
            return len(module._get_user_item_embeddings(batches, "cpu")[0])

        return work

    serve({"train": train, "embed": faster({size: embed(size) for size in (256, 64)})})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

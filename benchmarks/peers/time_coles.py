"""Runs inside the environment ``lifestream``: time CoLES' training steps and its embedding of users.

The library's transformer (feed-forward twice the width, as in the model that it is compared with) on events that
are an item's embedding and a value, projected to the width; 5 slices of 25 events to the asked length of
each of 64 users, slices of exactly that length where every sequence is full. A step is loss, gradient and Adam on
a batch that lies ready; embedding is of users that lie ready, in batches of the library's 512 or of 64, whichever is
faster, in its fast path for inference.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pytorch_lightning as pl
import torch
from ptls.data_load.datasets import MemoryMapDataset, inference_data_loader
from ptls.frames import PtlsDataModule
from ptls.frames.coles import ColesDataset, CoLESModule
from ptls.frames.coles.split_strategy import SampleSlices
from ptls.nn import TransformerSeqEncoder, TrxEncoder
from timing import faster, serve
from train_coles import read


def main(settings: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    pl.seed_everything(0, verbose=False)
    records, _ = read(settings["events"])
    width = settings["width"]
    events = TrxEncoder(
        embeddings_noise=0.003,
        numeric_values={"value": "log"},
        embeddings={"item": {"in": settings["n_items"] + 1, "out": width}},
        linear_projection_size=width,
    )
    encoder = TransformerSeqEncoder(
        trx_encoder=events,
        input_size=width,
        n_heads=settings["heads"],
        n_layers=settings["depth"],
        dim_hidden=2 * width,
    )
    module = CoLESModule(seq_encoder=encoder)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.001)
    longest = settings["length"]
    shortest = longest if settings["full"] else 25
    slices = ColesDataset(
        MemoryMapDataset(records, n_jobs=1), SampleSlices(split_count=5, cnt_min=shortest, cnt_max=longest)
    )
    ready = list(PtlsDataModule(train_data=slices, train_batch_size=64).train_dataloader())

    def train() -> int:
        module.train()
        for x, y in ready:
            optimizer.zero_grad(set_to_none=True)
            module._loss(*module.shared_step(x, y)).backward()
            optimizer.step()
        return sum(int(x.seq_lens.sum()) for x, _ in ready)

    def embed(size: int) -> Any:
        batches = list(inference_data_loader(records, max_seq_len=longest, batch_size=size))

        def work() -> int:
            module.eval()
            with torch.no_grad():
                return sum(len(encoder(batch)) for batch in batches)

        return work

    serve({"train": train, "embed": faster({size: embed(size) for size in (512, 64)})})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

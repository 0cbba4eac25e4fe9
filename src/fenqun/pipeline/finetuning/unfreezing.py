"""The sequence encoder tuned along with a head, on users as of several moments."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.heads import FineTuned, finetune
from fenqun.behaviour.heads.finetuning import Batch
from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.pipeline.finetuning.moments import FOLDS, Ints, Moment
from fenqun.progress import Progress

_SALT = 0x7A4E
_EPOCHS = 5
# A head moves ten times as fast as an encoder that was trained for long.
_HEAD_RATE, _ENCODER_RATE = 1e-3, 1e-4


def tune(
    encoder: IntentEncoder,
    moments: Sequence[Moment],
    target: npt.NDArray[Any],
    learn: Ints,
    validate: Ints,
    kind: Literal["class", "value"],
    seed: int,
    progress: Progress,
) -> tuple[IntentEncoder, FineTuned]:
    """Tune a copy of the encoder (:func:`fenqun.behaviour.heads.finetune`).

    Parameters
    ----------
    encoder
        Stays as it is.
    moments
        Their users, one moment after another, are the rows.
    target
        (rows,): codes of classes, or values; what ``learn`` and ``validate`` name is known.
    learn, validate
        int64: rows to learn from, and rows of other users that choose the epoch.
    kind
        Of the target.
    seed
        Of the order of batches, and of the dropout.
    progress
        Told the losses.

    Returns
    -------
    (encoder, tuned)
        Epoch 0 of ``tuned`` means that tuning brought nothing: the copy equals the encoder.
    """
    import torch

    tuned = copy.deepcopy(encoder)
    rows = _Rows(tuned, moments)

    class Vectors(torch.nn.Module):
        """The encoder's user vector, as a module."""

        def __init__(self) -> None:
            super().__init__()
            self.model = tuned.model

        def forward(self, batch: Any) -> Any:
            return self.model.users(batch)

    # Sums of money have long tails: their logarithm is learned, for the vectors; the head then fits the sums.
    goal = target if kind == "class" or np.nanmin(target) < 0 else np.log1p(target)
    found = finetune(
        Vectors(),
        lambda epoch: rows.batches(learn, np.random.default_rng([seed, epoch, _SALT])),
        lambda: rows.batches(validate),
        goal,
        kind,
        epochs=_EPOCHS,
        head_rate=_HEAD_RATE,
        encoder_rate=_ENCODER_RATE,
        seed=seed,
        progress=progress,
    )
    tuned.model.eval()
    return tuned, found


class _Rows:
    """Reads rows, which are users as of moments, as batches of their events before."""

    def __init__(self, encoder: IntentEncoder, moments: Sequence[Moment]) -> None:
        self.moments = moments
        self.tokens = encoder.config.tokens
        self.starts = np.cumsum([0, *(len(moment.users) for moment in moments)])
        self.readers = [encoder.reader(moment.store, moment.time) for moment in moments]
        self.spans = [encoder.last_spans(moment.store, FOLDS) for moment in moments]

    def batches(self, rows: Ints, generator: np.random.Generator | None = None) -> Iterator[Batch]:
        """Yield batches of all moments in turn, each with the rows it holds."""
        streams = [self._of(place, rows, generator) for place in range(len(self.moments))]
        for turn in zip_longest(*streams):
            yield from (batch for batch in turn if batch is not None)

    def _of(self, place: int, rows: Ints, generator: np.random.Generator | None) -> Iterator[Batch]:
        moment, spans = self.moments[place], self.spans[place]
        mine = rows[(rows >= self.starts[place]) & (rows < self.starts[place + 1])]
        row_of = np.full(moment.store.n_users, -1, dtype=np.int64)
        row_of[moment.users[mine - self.starts[place]]] = mine
        kept = spans.take(np.flatnonzero(row_of[spans.users] >= 0))
        if len(kept):
            for batch in self.readers[place].batches(kept, self.tokens, generator):
                yield batch, row_of[batch.users]

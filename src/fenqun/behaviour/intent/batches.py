"""Batches of sequences: of like length, so that next to nothing is padding."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.intent.vocabulary import CONTENT, Vocabulary
from fenqun.data.sequence_store import SequenceStore

if TYPE_CHECKING:
    import torch

Ints = npt.NDArray[np.int64]

PADDING, HIDDEN = -1, -2
"""Items that are none: behind a sequence's end, and of an event whose content is hidden."""
LEAST = 2
"""Events that a training sequence needs: one to look at and one to predict."""


@dataclass(frozen=True)
class Spans:
    """Runs of neighbouring events of one user each.

    Attributes
    ----------
    users
        int64 (n,): rows of the store.
    starts, lengths
        int64 (n,): first event and number of events.
    """

    users: Ints
    starts: Ints
    lengths: Ints

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: npt.NDArray[np.int64]) -> Spans:
        """Return some of the spans."""
        return Spans(self.users[rows], self.starts[rows], self.lengths[rows])


@dataclass(frozen=True)
class EventBatch:
    """Sequences padded to the longest of the batch, at their end.

    Attributes
    ----------
    users
        int64 (b,): rows of the store.
    lengths
        int64 tensor (b,).
    item
        int64 tensor (b, l); PADDING behind the end, HIDDEN where it is not to be seen.
    codes
        Feature to int64 tensor (b, l), as :meth:`fenqun.behaviour.intent.vocabulary.Vocabulary.codes` gives them.
    """

    users: Ints
    lengths: torch.Tensor
    item: torch.Tensor
    codes: dict[str, torch.Tensor]

    @property
    def shape(self) -> tuple[int, int]:
        """Sequences, and events of the longest."""
        return len(self.users), self.item.shape[1]

    def to(self, device: torch.device) -> EventBatch:
        """Return the batch on a device."""
        codes = {name: code.to(device) for name, code in self.codes.items()}
        return EventBatch(self.users, self.lengths.to(device), self.item.to(device), codes)


def hide(batch: EventBatch, places: torch.Tensor, times_too: bool = False) -> EventBatch:
    """Hide what the events at some places, bool (b, l), are; with ``times_too`` also when they happen."""
    names = batch.codes if times_too else CONTENT
    codes = {name: code.masked_fill(places, 0) if name in names else code for name, code in batch.codes.items()}
    return EventBatch(batch.users, batch.lengths, batch.item.masked_fill(places, HIDDEN), codes)


def with_hidden_end(batch: EventBatch) -> EventBatch:
    """Put one hidden event, at an unknown time, behind each sequence's last."""
    import torch

    places = torch.nn.functional.one_hot(batch.lengths, batch.item.shape[1] + 1).bool()

    def longer(values: torch.Tensor, fill: int) -> torch.Tensor:
        return torch.nn.functional.pad(values, (0, 1), value=fill).masked_fill(places, fill)

    codes = {name: longer(code, 0) for name, code in batch.codes.items()}
    item = torch.nn.functional.pad(batch.item, (0, 1), value=PADDING).masked_fill(places, HIDDEN)
    return EventBatch(batch.users, batch.lengths + 1, item, codes)


def cut_out(batch: EventBatch, starts: torch.Tensor, lengths: torch.Tensor) -> EventBatch:
    """Return a slice of each sequence: ``lengths`` events from ``starts`` on, both int64 tensors (b,)."""
    import torch

    steps = torch.arange(int(lengths.max()), device=starts.device)
    places = (starts[:, None] + steps).clamp(max=batch.item.shape[1] - 1)
    item = batch.item.gather(1, places).masked_fill(steps >= lengths[:, None], PADDING)
    codes = {name: code.gather(1, places) for name, code in batch.codes.items()}
    codes["gap"][:, 0] = 0
    return EventBatch(batch.users, lengths, item, codes)


def last_spans(store: SequenceStore, folds: Collection[int], length: int) -> Spans:
    """Return the last events of every user that has any within folds, which are a user's first ones in time."""
    known = store.n_events(folds)
    users = np.flatnonzero(known > 0)
    lengths = np.minimum(known[users], length)
    return Spans(users, store.offsets[users] + known[users] - lengths, lengths)


def training_spans(
    store: SequenceStore, folds: Collection[int], length: int, generator: np.random.Generator
) -> Spans:
    """Cut all events of the folds into spans of at most ``length``, at places that change with every call.

    A long history is cut from a random first length on, so that over the calls every event is seen
    at every distance from a span's start. A span of fewer than :data:`LEAST` events teaches nothing and is left out.
    """
    known = store.n_events(folds)
    users = np.flatnonzero(known >= LEAST)
    known = known[users]
    long = known > length
    first = np.where(long, generator.integers(1, length + 1, len(users)), known)
    spans = 1 + -(-(known - first) // length)
    owner = np.repeat(np.arange(len(users)), spans)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(spans) - spans, spans)
    begin = np.where(number == 0, 0, first[owner] + (number - 1) * length)
    end = np.minimum(first[owner] + number * length, known[owner])
    kept = end - begin >= LEAST
    owner, begin, end = owner[kept], begin[kept], end[kept]
    return Spans(users[owner], store.offsets[users[owner]] + begin, end - begin)


def batches(
    store: SequenceStore,
    vocabulary: Vocabulary,
    spans: Spans,
    tokens: int,
    generator: np.random.Generator | None = None,
) -> Iterator[EventBatch]:
    """Yield batches of at most ``tokens`` events (one sequence at least), of spans of like length.

    Parameters
    ----------
    store, vocabulary, spans
        Where the events are, how they become codes, and which ones.
    tokens
        Events of a batch, padding counted.
    generator
        Shuffles spans of one length and the order of batches; None: ascending length, the same every time.
    """
    noise = generator.random(len(spans)) if generator is not None else np.zeros(len(spans))
    order = np.lexsort((spans.users, noise, spans.lengths))
    groups = _groups(spans.lengths[order], tokens)
    turns = generator.permutation(len(groups)) if generator is not None else np.arange(len(groups))
    for turn in turns:
        start, stop = groups[turn]
        yield make_batch(store, vocabulary, spans.take(order[start:stop]))


def _groups(lengths: Ints, tokens: int) -> list[tuple[int, int]]:
    """Cut ascending lengths into runs whose padded size keeps within ``tokens``."""
    groups = []
    start = 0
    while start < len(lengths):
        stop = start + max(1, tokens // int(lengths[start]))
        stop = min(stop, len(lengths))
        while stop - start > 1 and (stop - start) * int(lengths[stop - 1]) > tokens:
            stop = start + max(1, tokens // int(lengths[stop - 1]))
        groups.append((start, stop))
        start = stop
    return groups


def make_batch(store: SequenceStore, vocabulary: Vocabulary, spans: Spans) -> EventBatch:
    """Gather the events of spans."""
    import torch

    width = int(spans.lengths.max())
    steps = np.arange(width)
    inside = steps < spans.lengths[:, None]
    # Behind its end a sequence repeats its last event: a valid position, and its item says it is padding.
    positions = spans.starts[:, None] + np.minimum(steps, spans.lengths[:, None] - 1)
    item = np.where(inside, np.asarray(store.item[positions], dtype=np.int64), PADDING)
    codes = {name: torch.from_numpy(code) for name, code in vocabulary.codes(store, positions).items()}
    return EventBatch(spans.users, torch.from_numpy(spans.lengths), torch.from_numpy(item), codes)

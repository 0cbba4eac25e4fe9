"""Batches of sequences: of like length, so that next to nothing is padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.intent.history import decayed_history
from fenqun.behaviour.intent.outlook import Outlook
from fenqun.behaviour.intent.spans import Spans
from fenqun.behaviour.intent.vocabulary import CONTENT, Vocabulary, gap_codes
from fenqun.behaviour.intent.waiting import drawn_waits, fade, waits_until
from fenqun.data.sequence_store import SequenceStore

if TYPE_CHECKING:
    import torch

Ints = npt.NDArray[np.int64]

PADDING, HIDDEN = -1, -2
"""Items that are none: behind a sequence's end, and of an event whose content is hidden."""


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
    history
        float32 tensor (b, l, sums), as :func:`fenqun.behaviour.intent.history.decayed_history` gives them.
    wait
        int64 tensor (b, l): code of the pause between each event and the moment at which one looks; 0: unknown.
    faded
        float32 tensor (b, l, sums): ``history`` as of that moment.
    ahead
        float32 tensor (b, l, targets) of :class:`fenqun.behaviour.intent.outlook.Outlook`, looking ahead from that
        moment; None where not asked for.
    """

    users: Ints
    lengths: torch.Tensor
    item: torch.Tensor
    codes: dict[str, torch.Tensor]
    history: torch.Tensor
    wait: torch.Tensor
    faded: torch.Tensor
    ahead: torch.Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Sequences, and events of the longest."""
        return len(self.users), self.item.shape[1]

    def to(self, device: torch.device) -> EventBatch:
        """Return the batch on a device."""
        plain = ("lengths", "item", "history", "wait", "faded")
        return replace(
            self,
            **{name: getattr(self, name).to(device) for name in plain},
            codes={name: code.to(device) for name, code in self.codes.items()},
            ahead=None if self.ahead is None else self.ahead.to(device),
        )


def hide(batch: EventBatch, places: torch.Tensor, times_too: bool = False) -> EventBatch:
    """Hide what the events at some places, bool (b, l), are; with ``times_too`` also when they happen."""
    names = batch.codes if times_too else CONTENT
    codes = {name: code.masked_fill(places, 0) if name in names else code for name, code in batch.codes.items()}
    history = batch.history.masked_fill(places.unsqueeze(-1), 0.0)  # it would tell the event's value
    return replace(batch, item=batch.item.masked_fill(places, HIDDEN), codes=codes, history=history, ahead=None)


def with_hidden_end(batch: EventBatch) -> EventBatch:
    """Put one hidden event, at an unknown time, behind each sequence's last."""
    import torch

    places = torch.nn.functional.one_hot(batch.lengths, batch.item.shape[1] + 1).bool()

    def longer(values: torch.Tensor, fill: int) -> torch.Tensor:
        return torch.nn.functional.pad(values, (0, 1), value=fill).masked_fill(places, fill)

    def longer_sums(values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(values, (0, 0, 0, 1)).masked_fill(places.unsqueeze(-1), 0.0)

    codes = {name: longer(code, 0) for name, code in batch.codes.items()}
    item = torch.nn.functional.pad(batch.item, (0, 1), value=PADDING).masked_fill(places, HIDDEN)
    history, faded = longer_sums(batch.history), longer_sums(batch.faded)
    return EventBatch(batch.users, batch.lengths + 1, item, codes, history, longer(batch.wait, 0), faded)


def cut_out(batch: EventBatch, starts: torch.Tensor, lengths: torch.Tensor) -> EventBatch:
    """Return a slice of each sequence: ``lengths`` events from ``starts`` on, both int64 tensors (b,)."""
    import torch

    steps = torch.arange(int(lengths.max()), device=starts.device)
    places = (starts[:, None] + steps).clamp(max=batch.item.shape[1] - 1)
    item = batch.item.gather(1, places).masked_fill(steps >= lengths[:, None], PADDING)
    codes = {name: code.gather(1, places) for name, code in batch.codes.items()}
    codes["gap"][:, 0] = 0
    sums = places.unsqueeze(-1).expand(-1, -1, batch.history.shape[-1])
    history, faded = batch.history.gather(1, sums), batch.faded.gather(1, sums)
    return EventBatch(batch.users, lengths, item, codes, history, batch.wait.gather(1, places), faded)


class EventReader:
    """Reads events of a store as batches.

    Parameters
    ----------
    store, vocabulary
        Where the events are, and how they become codes.
    now
        Epoch seconds at which one looks at the users; None: unknown, as where each user has a cut of their own.
    outlook
        Of the events to train on; moments are then drawn between one event and the next.
    ahead
        Whether to bring along what lies ahead of each of those moments.
    """

    def __init__(
        self,
        store: SequenceStore,
        vocabulary: Vocabulary,
        now: int | None = None,
        outlook: Outlook | None = None,
        ahead: bool = False,
    ) -> None:
        self.store, self.vocabulary, self.now = store, vocabulary, now
        self.outlook, self.ahead = outlook, ahead
        self.history = decayed_history(store, vocabulary.half_lives)

    def batches(
        self, spans: Spans, tokens: int, generator: np.random.Generator | None = None
    ) -> Iterator[EventBatch]:
        """Yield batches of at most ``tokens`` events (one sequence at least), of spans of like length.

        Parameters
        ----------
        spans
            Which events.
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
            yield self.batch(spans.take(order[start:stop]), generator)

    def batch(self, spans: Spans, generator: np.random.Generator | None = None) -> EventBatch:
        """Gather the events of spans.

        A generator draws moments at which one looks, and what lies ahead of them comes along where it was asked for;
        else one looks now, and nothing is known of what lies ahead.
        """
        import torch

        width = int(spans.lengths.max())
        steps = np.arange(width)
        inside = steps < spans.lengths[:, None]
        # Behind its end a sequence repeats its last event: a valid position, and its item says it is padding.
        positions = spans.starts[:, None] + np.minimum(steps, spans.lengths[:, None] - 1)
        item = np.where(inside, np.asarray(self.store.item[positions], dtype=np.int64), PADDING)
        codes = self.vocabulary.codes(self.store, positions)
        history = self.history[positions].astype(np.float32)
        waits = self._waits(spans, positions, generator)
        wait = np.zeros_like(positions) if waits is None else gap_codes(waits)
        faded = history if waits is None else fade(history, waits, self.vocabulary.half_lives)
        ahead = None
        if self.ahead and self.outlook is not None and generator is not None:
            ahead = self.outlook.targets(self.store, spans, width, waits)
        return EventBatch(
            spans.users,
            torch.from_numpy(spans.lengths),
            torch.from_numpy(item),
            {name: torch.from_numpy(code) for name, code in codes.items()},
            torch.from_numpy(history),
            torch.from_numpy(wait),
            torch.from_numpy(faded),
            None if ahead is None else torch.from_numpy(ahead),
        )

    def _waits(self, spans: Spans, positions: Ints, generator: np.random.Generator | None) -> Ints | None:
        if self.now is None:
            return None
        if generator is None or self.outlook is None:
            return waits_until(self.store, positions, self.now)
        return drawn_waits(self.store, spans, positions, self.outlook, generator)


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

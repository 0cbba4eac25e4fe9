"""The network: event vectors, a backbone, and scores of items and times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.functional import embedding, embedding_bag, gelu, layer_norm

from fenqun.behaviour.intent.backbones import Backbone, SequenceDropout
from fenqun.behaviour.intent.batches import EventBatch, with_hidden_end
from fenqun.behaviour.intent.vocabulary import GAP_CODES


class ItemRows(nn.Module):
    """Rows of items: a projection of what taste and content know, their category's row, and one of frequent ones.

    An item that the log hardly knows has no row of its own, so that a new item is no stranger. Categories tell apart
    what taste cannot: the steps that everybody takes.

    Parameters
    ----------
    table
        float32 (n_items, d): item vectors to start from; they stay as they are.
    category
        int64 (n_items,): code of each item's category, from 1 on; 0: none.
    frequent
        int64: items that get a row of their own to learn, which starts at zero.
    prior
        float32 (n_items,): where the items' biases start.
    """

    table: torch.Tensor
    category: torch.Tensor
    slot: torch.Tensor

    def __init__(
        self,
        table: torch.Tensor,
        category: torch.Tensor,
        frequent: torch.Tensor,
        prior: torch.Tensor,
        width: int,
    ) -> None:
        super().__init__()
        self.register_buffer("table", table)
        self.register_buffer("category", category)
        slot = torch.zeros(len(table), dtype=torch.int64)
        slot[frequent] = torch.arange(1, len(frequent) + 1)
        self.register_buffer("slot", slot)
        self.project = nn.Linear(table.shape[1], width, bias=False)
        nn.init.orthogonal_(self.project.weight)
        self.kind = nn.Embedding(int(category.max()) + 1, width, padding_idx=0)
        nn.init.normal_(self.kind.weight, std=0.1)
        with torch.no_grad():
            self.kind.weight[0] = 0.0
        self.own = nn.Embedding(len(frequent) + 1, width, padding_idx=0)
        nn.init.zeros_(self.own.weight)
        self.bias = nn.Parameter(prior.clone())
        self._rows: torch.Tensor | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Compute all rows once and look them up from then on; for work that changes none of them."""
        self._rows = self.everything()
        try:
            yield
        finally:
            self._rows = None

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Return rows (..., width) of items (...,)."""
        if self._rows is not None:
            return embedding(items, self._rows)
        told = self.kind(self.category[items]) + self.own(self.slot[items])
        rows: torch.Tensor = self.project(embedding(items, self.table)) + told
        return rows

    def everything(self) -> torch.Tensor:
        """Return the rows of all items, (n_items, width)."""
        if self._rows is not None:
            return self._rows
        rows: torch.Tensor = self.project(self.table) + self.kind(self.category) + self.own(self.slot)
        return rows


class Clock(nn.Module):
    """From the state after an event to the state some time later: silence says something too.

    It starts as if no time had passed.
    """

    def __init__(self, width: int, sums: int) -> None:
        super().__init__()
        self.wait = nn.Embedding(GAP_CODES, width)
        nn.init.normal_(self.wait.weight, std=0.1)
        self.sums = nn.Linear(sums, width, bias=False)
        self.mix = nn.Linear(width, width)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, states: torch.Tensor, wait: torch.Tensor, faded: torch.Tensor) -> torch.Tensor:
        """Return states (..., width) as of a moment, of its codes (...) and decayed sums (..., sums)."""
        told = self.mix(states) + self.wait(wait) + self.sums(faded)
        later: torch.Tensor = states + self.out(gelu(told))
        return later


class EventModel(nn.Module):
    """Events to states, and states to what comes next.

    Parameters
    ----------
    items
        Rows of the items.
    sizes
        Features of an event and the number of their codes.
    backbone
        Turns event vectors into states.
    dropout
        Of event vectors.
    sums
        Decayed sums of what was before, and sums over coming time that a state predicts: as many of both.
    """

    offsets: torch.Tensor

    def __init__(
        self, items: ItemRows, sizes: dict[str, int], backbone: Backbone, dropout: float, sums: int
    ) -> None:
        super().__init__()
        self.items, self.backbone = items, backbone
        self.names = list(sizes)
        width = backbone.width
        ends = torch.cumsum(torch.tensor(list(sizes.values())), 0)
        self.register_buffer("offsets", torch.cat((torch.zeros(1, dtype=torch.int64), ends[:-1])))
        # All features share one table, so that an event's features are one sum.
        self.features = nn.Embedding(int(ends[-1]), width)
        nn.init.normal_(self.features.weight, std=0.1)
        self.history = nn.Linear(sums, width, bias=False)
        nn.init.zeros_(self.history.weight)  # large numbers would drown the items until they are learned
        self.hidden = nn.Parameter(torch.zeros(width))
        self.enter = nn.LayerNorm(width)
        self.leave = nn.LayerNorm(width)
        self.dropout = SequenceDropout(dropout)
        self.query = nn.Linear(width, width)
        nn.init.eye_(self.query.weight)
        nn.init.zeros_(self.query.bias)
        self.timing = nn.ModuleDict(
            {name: nn.Linear(width, sizes[name]) for name in ("gap", "value") if name in sizes}
        )
        self.clock = Clock(width, sums)
        self.ahead = nn.Linear(width, sums)
        self.summary = nn.Linear(2 * width, width, bias=False)

    def events(self, batch: EventBatch) -> torch.Tensor:
        """Return event vectors, (b, l, width); a hidden event has one vector for its item."""
        codes = torch.stack([batch.codes[name] for name in self.names], dim=-1) + self.offsets
        b, n, f = codes.shape
        item = batch.item
        shown = (item >= 0).unsqueeze(-1)
        rows = torch.where(shown, self.items(item.clamp(min=0)), self.hidden)
        if self.backbone.causal:  # sums over what was before would tell a hidden event
            rows = rows + self.history(batch.history)
        told = embedding_bag(codes.view(-1, f), self.features.weight, mode="sum").view(b, n, -1)
        x: torch.Tensor = self.dropout(self.enter(rows + told))
        return x

    def states(self, batch: EventBatch) -> torch.Tensor:
        """Return the state after each event, (b, l, width)."""
        states: torch.Tensor = self.leave(self.backbone(self.events(batch), batch.lengths))
        return states

    def later(self, batch: EventBatch, states: torch.Tensor) -> torch.Tensor:
        """Return states (b, l, width) as of the moments at which one looks, from those after each event."""
        found: torch.Tensor = self.clock(states, batch.wait, batch.faded)
        return found

    def users(self, batch: EventBatch) -> torch.Tensor:
        """Return the user vectors, (b, 2 width): where a user stands, and how they are.

        First the state after the last event, as of the moment at which one looks; a backbone that looks both ways is
        asked what it would put at a hidden event behind the last. Then the mean over the events, normalised: the last
        state is trained for what comes next and forgets what comes again and again.
        """
        if not self.backbone.causal:
            batch = with_hidden_end(batch)
        last, mean = self.backbone.last(self.events(batch), batch.lengths)
        state = self.leave(last)
        if self.backbone.causal:
            end = torch.arange(len(batch.lengths), device=state.device), batch.lengths - 1
            state = self.clock(state, batch.wait[end], batch.faded[end])
        return torch.cat((state, layer_norm(mean, mean.shape[-1:])), dim=1)

    def scores(self, states: torch.Tensor, items: torch.Tensor | None = None) -> torch.Tensor:
        """Score items for states, (n, items): all items, or those of an int64 tensor."""
        rows = self.items.everything() if items is None else self.items(items)
        bias = self.items.bias if items is None else self.items.bias[items]
        return torch.addmm(bias, self.query(states), rows.T)

    def parameters_of(self, decayed: bool) -> list[Any]:
        """Return parameters that weight decay is for (matrices of layers), or the others."""
        matrices = {id(module.weight) for module in self.modules() if isinstance(module, nn.Linear)}
        return [p for p in self.parameters() if p.requires_grad and (id(p) in matrices) == decayed]

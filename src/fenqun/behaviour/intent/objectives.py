"""What the intent block is trained for; each objective is a loss over one batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy, normalize, smooth_l1_loss

from fenqun.behaviour.intent.batches import EventBatch, cut_out, hide
from fenqun.behaviour.intent.model import EventModel
from fenqun.config import Intent

_TEMPERATURE = 0.1
_HARDNESS = 1.0
_HIDDEN_SHARE = 0.2
_FUTURE = 4
"""Coming events that are the future of a cut, in windows."""


class NegativeSampler:
    """Draws items to tell the true ones from, at the 3/4th power of their frequency (Mikolov et al. 2013).

    Parameters
    ----------
    frequency
        float64 (n_items,): events of each item in the learning time; an item without any is drawn as if it had one.
    size
        Items a draw; all items where there are no more.
    """

    def __init__(self, frequency: torch.Tensor, size: int) -> None:
        mass = frequency.double().clamp(min=1.0).pow(0.75)
        self.size = size
        self.everything = size >= len(mass)
        self.ends = torch.cumsum(mass, 0) / mass.sum()
        self.log_expected = torch.log(size * mass / mass.sum()).float()

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """Return int64 (size,), with repeats."""
        drawn = torch.rand(self.size, generator=generator, dtype=torch.float64)
        return torch.searchsorted(self.ends, drawn).clamp(max=len(self.ends) - 1)


def sampled_softmax(
    model: EventModel,
    states: torch.Tensor,
    targets: torch.Tensor,
    sampler: NegativeSampler,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return the mean cross-entropy of true items against shared drawn ones.

    Each drawn item's score is lowered by the logarithm of how often it is expected in a draw, so that the
    denominator estimates the full softmax (Bengio and Senecal 2008; Yi et al. 2019, "log-Q"); the true item is
    always in it and needs no correction. Where a drawn item is the true one it is struck out.
    """
    if sampler.everything:
        return cross_entropy(model.scores(states), targets)
    drawn = sampler.draw(generator).to(states.device)
    query = model.query(states)
    true = (query * model.items(targets)).sum(-1) + model.items.bias[targets]
    others = query @ model.items(drawn).T + (model.items.bias - sampler.log_expected.to(states.device))[drawn]
    hit = torch.isin(targets, drawn).nonzero().squeeze(1)  # few rows: the rest need no mask
    if len(hit):
        struck = others[hit].masked_fill(drawn == targets[hit, None], float("-inf"))
        others = others.index_copy(0, hit, struck)
    # The cross-entropy of the true item, without laying its score beside the others.
    losses: torch.Tensor = torch.logaddexp(torch.logsumexp(others, dim=1), true) - true
    return losses.mean()


def next_events(
    model: EventModel,
    batch: EventBatch,
    states: torch.Tensor,
    window: int,
    draw: Callable[..., torch.Tensor],
    generator: torch.Generator,
) -> torch.Tensor:
    """Each state predicts, by turns, the next event and one of the coming events of a window, drawn anew every time.

    With a window of 1 it is next-item prediction; a wider one is the "dense all action" loss of
    PinnerFormer (Pancha et al. 2022, section 3.3). By itself that loss forgets in which order events come, hence the
    turns.
    """
    rows, places = _before_last(batch)
    ahead = (batch.lengths[rows] - 1 - places).clamp(max=window)
    drawn = (2.0 * torch.rand(len(ahead), generator=generator) - 1.0).clamp(min=0.0).to(ahead.device)
    step = 1 + (drawn * ahead).long().clamp(max=window - 1)
    return draw(states[rows, places], batch.item[rows, places + torch.minimum(step, ahead)])


def next_timing(model: EventModel, batch: EventBatch, states: torch.Tensor) -> torch.Tensor:
    """Each state predicts the bucket of the pause before the next event, and of that event's value."""
    rows, places = _before_last(batch)
    loss = states.new_zeros(())
    for name, head in model.timing.items():
        targets = batch.codes[name][rows, places + 1]
        known = targets > 0
        if bool(known.any()):
            loss = loss + cross_entropy(head(states[rows, places][known]), targets[known])
    return loss


def outlook(model: EventModel, batch: EventBatch, states: torch.Tensor) -> torch.Tensor:
    """Each state predicts how many events, and how much value, its user has within the coming horizons."""
    assert batch.ahead is not None
    known = torch.isfinite(batch.ahead)
    if not bool(known.any()):
        return states.new_zeros(())
    return smooth_l1_loss(model.ahead(states)[known], batch.ahead[known])


def masked_events(
    model: EventModel, batch: EventBatch, draw: Callable[..., torch.Tensor], generator: torch.Generator
) -> torch.Tensor:
    """Hidden events are told from those around them (BERT4Rec, Sun et al. 2019, section 3.6).

    In half of the sequences the last event is hidden too, with its time, as it is when a user is embedded.
    """
    b, n = batch.shape
    inside = batch.item >= 0
    places = (torch.rand(b, n, generator=generator) < _HIDDEN_SHARE).to(inside.device) & inside
    last = torch.nn.functional.one_hot(batch.lengths - 1, n).bool()
    end = last & (torch.rand(b, 1, generator=generator) < 0.5).to(inside.device)
    states = model.states(hide(hide(batch, places), end, times_too=True))
    places = places | end
    return draw(states[places], batch.item[places])


def contrastive(model: EventModel, batch: EventBatch, generator: torch.Generator) -> torch.Tensor:
    """Two random slices of one user attract, slices of other users repel (CoLES, Babaev et al. 2022)."""
    return _info_nce(_summary(model, _slice(batch, generator)), _summary(model, _slice(batch, generator)), batch)


def past_and_future(model: EventModel, batch: EventBatch, window: int, generator: torch.Generator) -> torch.Tensor:
    """The past up to a random cut attracts the same user's coming items, others' futures repel."""
    cut = _between(batch.lengths // 2, batch.lengths - 1, generator).clamp(min=1)
    zero = torch.zeros_like(cut)
    past = _summary(model, cut_out(batch, zero, cut))
    future = cut_out(batch, cut, (batch.lengths - cut).clamp(max=_FUTURE * window)).item
    shown = (future >= 0).unsqueeze(-1)
    coming = (model.items(future.clamp(min=0)) * shown).sum(1) / shown.sum(1)
    return _info_nce(past, normalize(coming, dim=-1), batch)


def _summary(model: EventModel, batch: EventBatch) -> torch.Tensor:
    return normalize(model.summary(model.users(batch)), dim=-1)


def _info_nce(first: torch.Tensor, second: torch.Tensor, batch: EventBatch) -> torch.Tensor:
    """InfoNCE both ways; the nearer a negative, the more it weighs (Robinson et al. 2021, eq. 4)."""
    users = torch.as_tensor(batch.users, device=first.device)
    same = users[:, None] == users[None]
    same.fill_diagonal_(False)
    logits = (first @ second.T / _TEMPERATURE).masked_fill(same, float("-inf"))
    other = ~same & ~torch.eye(len(users), dtype=torch.bool, device=first.device)
    hardness = (_HARDNESS * logits.detach()).masked_fill(~other, float("-inf"))
    loss = first.new_zeros(())
    for turned, hard, rest in ((logits, hardness, other), (logits.T, hardness.T, other.T)):
        count = rest.sum(1, keepdim=True).clamp(min=1)
        extra = torch.log_softmax(hard, dim=1) + torch.log(count)
        weighed = turned + torch.where(rest, extra, torch.zeros_like(extra))
        loss = loss + cross_entropy(weighed, torch.arange(len(users), device=first.device)) / 2
    return loss


def _slice(batch: EventBatch, generator: torch.Generator) -> EventBatch:
    lengths = _between(batch.lengths // 4, batch.lengths - batch.lengths // 4, generator).clamp(min=1)
    return cut_out(batch, _between(torch.zeros_like(lengths), batch.lengths - lengths, generator), lengths)


def _between(low: torch.Tensor, high: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw whole numbers from ``low`` to ``high``, both included."""
    drawn = torch.rand(len(low), generator=generator).to(low.device)
    return low + torch.minimum((drawn * (high - low + 1)).long(), high - low)


def _before_last(batch: EventBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and places of the events that another one follows."""
    steps = torch.arange(batch.item.shape[1], device=batch.item.device)
    rows, places = (steps < (batch.lengths - 1)[:, None]).nonzero(as_tuple=True)
    return rows, places


class Objective:
    """The weighted sum of the objectives that the settings ask for and the backbone can serve."""

    def __init__(self, config: Intent, causal: bool, sampler: NegativeSampler) -> None:
        self.config, self.sampler = config, sampler
        weights = config.objectives.model_dump()
        for name in ("masked",) if causal else ("next", "timing", "outlook"):
            weights[name] = 0.0
        self.weights = {name: weight for name, weight in weights.items() if weight > 0}

    def __call__(self, model: EventModel, batch: EventBatch, generator: torch.Generator) -> torch.Tensor:
        """Return the loss of a batch."""
        window = self.config.window

        def draw(states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return sampled_softmax(model, states, targets, self.sampler, generator)

        states = model.states(batch) if {"next", "timing", "outlook"} & set(self.weights) else None
        later = None if states is None else model.later(batch, states)
        total = torch.zeros((), device=batch.item.device)
        for name, weight in self.weights.items():
            if name == "next" and later is not None:
                loss = next_events(model, batch, later, window, draw, generator)
            elif name == "timing" and states is not None:
                loss = next_timing(model, batch, states)
            elif name == "outlook" and later is not None:
                loss = outlook(model, batch, later)
            elif name == "masked":
                loss = masked_events(model, batch, draw, generator)
            elif name == "contrastive":
                loss = contrastive(model, batch, generator)
            else:
                loss = past_and_future(model, batch, window, generator)
            total = total + weight * loss
        return total

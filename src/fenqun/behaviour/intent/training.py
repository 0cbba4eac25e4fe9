"""Training: a fixed number of events, checkpoints judged on validation time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fenqun.behaviour.intent.batches import EventBatch, EventReader
from fenqun.behaviour.intent.model import EventModel
from fenqun.behaviour.intent.objectives import Objective
from fenqun.behaviour.intent.plan import Plan
from fenqun.behaviour.intent.spans import training_spans
from fenqun.config import Intent
from fenqun.progress import Progress, bar

_DECAY = 0.01
_CLIP = 1.0
_PATIENCE = 2


@dataclass(frozen=True)
class Trained:
    """What training found.

    Attributes
    ----------
    share
        Share of the plan at the chosen checkpoint; what was asked for where there was nothing to train on.
    figures
        Judged figures by share, events trained on and the share of padding.
    """

    share: float
    figures: dict[str, Any]


def train(
    model: EventModel,
    reader: EventReader,
    folds: Collection[int],
    objective: Objective,
    config: Intent,
    plan: Plan,
    *,
    judge: Callable[[], float] | None,
    seed: int,
    device: torch.device,
    progress: Progress,
) -> Trained:
    """Train with AdamW (Loshchilov and Hutter 2019) and leave the model as it was at its best checkpoint.

    Parameters
    ----------
    model
        Trained in place.
    reader, folds
        Events, and the folds that may be learned from.
    objective, config, plan
        What is minimised, how, and for how long.
    judge
        Judges the model on validation time, higher is better; called at evenly spaced shares of the plan and
        before the first step. In the second half of the plan, two checks that bring nothing
        end it early. None: all is trained.
    seed, device, progress
        How to run.
    """
    decayed: dict[str, Any] = {"params": model.parameters_of(decayed=True), "weight_decay": _DECAY}
    free: dict[str, Any] = {"params": model.parameters_of(decayed=False), "weight_decay": 0.0}
    optimizer = torch.optim.AdamW([decayed, free], lr=config.learning_rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    watch = _Watch(model, judge, plan, config.checks)
    watch.check(0)
    end = round(plan.events * plan.stop)
    done = padded = 0
    with bar(progress, "intent: training", end, "events"):
        for batch in _endless(reader, folds, config, seed):
            if done >= end or watch.over:
                break
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * plan.rate(done)
            _step(model, optimizer, objective, batch.to(device), generator)
            n = int(batch.lengths.sum())
            done, padded = done + n, padded + batch.item.numel() - n
            progress.advance(n)
            watch.check(done)
    share = watch.restore(done / plan.events)
    if not done:  # nobody had two events to learn from: later fits, with more time, do all that was asked
        share = plan.stop
    figures: dict[str, Any] = {"events": done, "padding": round(padded / max(done + padded, 1), 4)}
    if judge is not None:
        figures["judged_by_share"] = {f"{at:.3f}": found for at, found in watch.found}
    return Trained(share, figures)


def _step(
    model: EventModel,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    batch: EventBatch,
    generator: torch.Generator,
) -> None:
    model.train()
    optimizer.zero_grad(set_to_none=True)
    with half_precision(batch.item.device):
        loss = objective(model, batch, generator)
    if not loss.requires_grad:  # nothing in the batch to predict
        return
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
    optimizer.step()


def half_precision(device: torch.device) -> Any:
    """Compute in bfloat16 on a GPU that has it; elsewhere nothing changes."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def _endless(reader: EventReader, folds: Collection[int], config: Intent, seed: int) -> Iterator[EventBatch]:
    """Yield the batches of one pass after another; each pass cuts and mixes anew."""
    turn = 0
    while True:
        generator = np.random.default_rng([seed, turn, 0x1A7E47])
        spans = training_spans(reader.store, folds, config.length, generator)
        if not len(spans):
            return
        yield from reader.batches(spans, config.tokens, generator)
        turn += 1


class _Watch:
    """Judges the model at evenly spaced shares of the plan, and keeps the best state."""

    def __init__(self, model: EventModel, judge: Callable[[], float] | None, plan: Plan, checks: int) -> None:
        self.model, self.judge, self.plan, self.checks = model, judge, plan, checks
        self.found: list[tuple[float, float]] = []
        self.best: dict[str, torch.Tensor] = {}
        self.share = 0.0

    @property
    def over(self) -> bool:
        """Whether the last checks brought nothing."""
        if len(self.found) <= self.checks // 2:  # a start from good item rows often falls before it rises
            return False
        best = max(range(len(self.found)), key=lambda i: self.found[i][1])
        return len(self.found) - 1 - best >= _PATIENCE

    def check(self, done: int) -> None:
        if self.judge is None:
            return
        share = done / self.plan.events
        if share + 1e-9 < len(self.found) / self.checks:
            return
        figure = self.judge()
        if not self.found or figure > max(value for _, value in self.found):
            learned = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
            state = self.model.state_dict()
            self.best = {name: state[name].clone() for name in learned}
            self.share = share
        self.found.append((share, figure))

    def restore(self, share: float) -> float:
        """Go back to the best state, and return the share of the plan at which it was."""
        if self.judge is None:
            return share
        self.model.load_state_dict(self.best, strict=False)
        return self.share

"""Runs inside a peer's environment: a Lightning trainer that stops by the clock and keeps the best checkpoint.

The clock is the processor's, a thread's share of it: on an idle machine no more than the wall's, and other work on the
machine costs a peer nothing.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import pytorch_lightning as pl
import torch

STEPS_BETWEEN_CHECKS = 50
BATCHES_OF_A_CHECK = 16
PATIENCE = 10


class Clock(pl.Callback):
    """Stops training after ``seconds``, or when the peer's own validation figure has not improved for a while.

    Attributes
    ----------
    best
        State of the module at the best check, None before the first.
    history
        Value of the validation figure at each check.
    """

    def __init__(self, figure: str, larger: bool, seconds: float) -> None:
        self.figure = figure
        self.sign = 1.0 if larger else -1.0
        self.seconds = seconds
        self.best: dict[str, Any] | None = None
        self.history: list[float] = []
        self.reached = -float("inf")
        self.since = 0
        self.steps = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = _used()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        self.steps = trainer.global_step
        if _used() - self.started > self.seconds:
            trainer.should_stop = True

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        value = float(trainer.callback_metrics[self.figure])
        self.history.append(value)
        self.since += 1
        if self.sign * value > self.reached:
            self.reached, self.since = self.sign * value, 0
            self.best = copy.deepcopy(pl_module.state_dict())
        if self.since >= PATIENCE:
            trainer.should_stop = True

    def restore(self, module: pl.LightningModule) -> dict[str, Any]:
        """Put the best state back and return what training did."""
        if self.best is not None:
            module.load_state_dict(self.best)
        return {
            "steps": self.steps,
            "seconds": _used() - self.started,
            "figure": self.figure,
            "checks": self.history,
            "best_check": self.sign * self.reached if self.best is not None else None,
        }


def _used() -> float:
    """Return seconds of processor time that the process has used, divided by its threads."""
    return time.process_time() / torch.get_num_threads()


def trainer(clock: Clock) -> pl.Trainer:
    """Return a trainer on processors whose end is the clock's; it also checks at the very end."""
    return pl.Trainer(
        max_epochs=-1,
        accelerator="cpu",
        devices=1,
        callbacks=[clock],
        val_check_interval=STEPS_BETWEEN_CHECKS,
        limit_val_batches=BATCHES_OF_A_CHECK,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )

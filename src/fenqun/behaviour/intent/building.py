"""Making the network that settings, a vocabulary and a table of items ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fenqun.behaviour.intent.backbones import make_backbone
from fenqun.behaviour.intent.model import EventModel, ItemRows
from fenqun.behaviour.intent.vocabulary import Vocabulary
from fenqun.config import Intent

FREQUENT = 5
"""Events from which on an item learns a row of its own."""


def initial_model(
    config: Intent,
    name: str,
    item_table: npt.NDArray[Any],
    category: npt.NDArray[np.int64],
    frequency: npt.NDArray[np.float64],
    vocabulary: Vocabulary,
    sums: int,
) -> EventModel:
    """Make a model with item rows, biases of items and a vocabulary to start from, its other weights drawn.

    Parameters
    ----------
    config, name
        Sizes, and the backbone's name.
    item_table
        Shape (n_items, d): vectors of items.
    category
        int64 (n_items,): code of each item's category, from 1 on; 0: none.
    frequency
        Shape (n_items,): events of each item.
    vocabulary
        Codes of events.
    sums
        Decayed sums of what was before, and as many over coming time.
    """
    # An item starts out as likely as it is frequent.
    prior = np.log((frequency + 1.0) / (frequency.sum() + len(frequency)))
    return make_model(
        config,
        name,
        torch.from_numpy(np.array(item_table, dtype=np.float32)),
        torch.from_numpy(category),
        np.flatnonzero(frequency >= FREQUENT),
        (prior - prior.mean()).astype(np.float32),
        vocabulary,
        sums,
    )


def make_model(
    config: Intent,
    name: str,
    table: torch.Tensor,
    category: torch.Tensor,
    frequent: npt.NDArray[np.int64],
    prior: npt.NDArray[np.float32],
    vocabulary: Vocabulary,
    sums: int,
) -> EventModel:
    """Make a model of the given sizes and item rows; ``frequent`` (int64) have a row of their own, ``prior`` are biases."""
    rows = ItemRows(table, category, torch.from_numpy(frequent), torch.from_numpy(prior), config.width)
    return EventModel(rows, vocabulary.sizes, make_backbone(name, config), config.dropout, sums)

"""From text to item factors: items with text only get a row, rare items lean on theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RIDGE = 10.0
"""Penalty of the regression, in units of one average item's evidence."""


def text_rows(table: Floats, vectors: npt.NDArray[Any], has_text: Bools, frequency: Floats, gate: float) -> Floats:
    """Predict item rows from text vectors by a ridge regression learned on items of the log.

    Items weigh ``n / (n + gate)``: rows of items seen once are mostly noise.

    Parameters
    ----------
    table
        Shape (n_items, width): item rows learned from the log.
    vectors, has_text
        Shapes (n_items, d) and (n_items,).
    frequency
        Shape (n_items,): users with the item.
    gate
        See :class:`fenqun.config.Taste`.

    Returns
    -------
    ndarray
        Shape (n_items, width); zero for items without text.
    """
    predicted = np.zeros_like(table)
    learn = has_text & (frequency > 0)
    if not learn.any():
        return predicted
    trust = frequency[learn] / (frequency[learn] + gate)
    inputs = np.column_stack([np.asarray(vectors[learn], dtype=np.float64), np.ones(int(learn.sum()))])
    gram = inputs.T @ (inputs * trust[:, None])
    # The intercept is not penalised; the penalty is in the scale of the inputs.
    penalty = np.full(inputs.shape[1], RIDGE * max(float(np.trace(gram[:-1, :-1])), 1e-12) / trust.sum())
    penalty /= max(inputs.shape[1] - 1, 1)
    penalty[-1] = 1e-9
    moment = inputs.T @ (table[learn] * trust[:, None])
    coefficients = np.linalg.solve(gram + np.diag(penalty), moment)
    told = np.asarray(vectors[has_text], dtype=np.float64)
    predicted[has_text] = told @ coefficients[:-1] + coefficients[-1]
    return predicted


def join_text(table: Floats, text: Floats, has_text: Bools, frequency: Floats, gate: float) -> Floats:
    """Mix rows of the log and rows of the text by a gate ``n / (n + gate)`` on the item's frequency.

    An item that the log has never seen gets its text's row; one without text keeps its own.
    """
    share = np.where(has_text, frequency / (frequency + gate), 1.0)[:, None] if gate > 0 else 1.0
    return np.asarray(share * table + (1.0 - share) * text)


@dataclass(frozen=True)
class ItemText:
    """Text vectors of the items of one fit.

    Attributes
    ----------
    vectors, has_text
        Shapes (n_items, d) and (n_items,).
    frequency
        Shape (n_items,): users with the item.
    gate
        See :class:`fenqun.config.Taste`; 0: no text.
    """

    vectors: Floats
    has_text: Bools
    frequency: Floats
    gate: float

    @classmethod
    def of(
        cls, vectors: npt.NDArray[Any] | None, has_text: npt.NDArray[Any] | None, frequency: Floats, gate: float
    ) -> Self:
        """Take what there is."""
        none = np.zeros(len(frequency), dtype=bool)
        if vectors is None or has_text is None or gate == 0:
            return cls(np.zeros((len(frequency), 1)), none, frequency, 0.0)
        known = np.asarray(has_text, dtype=bool)
        return cls(np.where(known[:, None], np.asarray(vectors, dtype=np.float64), 0.0), known, frequency, gate)

    def join(self, table: Floats) -> Floats:
        """Lean rare items on their text."""
        if not self.has_text.any():
            return table
        told = text_rows(table, self.vectors, self.has_text, self.frequency, self.gate)
        return join_text(table, told, self.has_text, self.frequency, self.gate)

    def complete(self, table: Floats) -> Floats:
        """Give items that the log has never seen the row that their text tells of the tuned table."""
        unseen = self.has_text & (self.frequency == 0)
        if not unseen.any():
            return table
        told = text_rows(table, self.vectors, self.has_text, self.frequency, self.gate)
        return np.where(unseen[:, None], told, table)

"""Parts of a taste vector beside the log: the items' text, and a foundation's rows of it.

A log of few users knows little of its items, and nothing of an item that nobody has taken yet; text does. A part is
an item table of its own: a user's vector is the concatenation of what each table says of their items, each table
scaled so that users differ equally in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.behaviour.neighbours import NeighbourLists
from fenqun.behaviour.taste.choice import TasteChoice, Transfer
from fenqun.behaviour.weighting import unit_rows

Floats = npt.NDArray[np.float64]
Tables = Mapping[str, Floats]

FEW = 300
"""Judged users below which a part stays unless lists are clearly worse with it; from here on it must help."""
_CLEARLY = 2.0
"""Standard errors."""


def standardised(table: Floats, weights: sparse.csr_matrix) -> Floats:
    """Scale a table so that user vectors have a mean square distance of 1 from their mean.

    A table in which all users are the same becomes zero.
    """
    users = np.asarray(weights @ table)
    spread = float(np.mean(((users - users.mean(axis=0)) ** 2).sum(axis=1))) if len(users) else 0.0
    return table / np.sqrt(spread) if spread > 1e-12 else np.zeros_like(table)


def unit_scale(table: Floats) -> Floats:
    """Scale a table so that rows have a mean square length of 1.

    User vectors do not change; the learning rate of the tuning means the same for every log.
    """
    squares = np.einsum("ij,ij->i", table, table)
    alive = squares > 0
    return table / np.sqrt(squares[alive].mean()) if alive.any() else table


def joined(tables: Tables, weights: sparse.csr_matrix) -> Floats:
    """Put tables side by side, each standardised on the users of the fit."""
    if len(tables) == 1:
        return next(iter(tables.values()))
    return np.hstack([standardised(table, weights) for table in tables.values()])


@dataclass(frozen=True)
class Parts:
    """What makes user vectors.

    Attributes
    ----------
    tables
        Part to its table, as they stand side by side.
    transfer
        What was done with a foundation.
    figures
        What was tried and found.
    """

    tables: Tables
    transfer: Transfer
    figures: dict[str, dict[str, float]]


def choose_parts(
    tables: Tables,
    alone: Floats,
    weights: sparse.csr_matrix,
    lists: NeighbourLists | None,
    given: TasteChoice | None,
    tune: Callable[[Floats], Floats],
) -> Parts:
    """Choose the parts beside the log, and between a foundation as it is and one tuned on the log.

    Parameters
    ----------
    tables
        ``log``, and what there is of ``text`` and ``foundation``.
    alone
        What stands for ``log`` beside ``text``: the log's table without text in it.
    weights
        CSR, shape (n_users, n_items): users of the fit.
    lists
        Of validation time; None: take all parts, as they are.
    given
        An earlier choice, which is taken over.
    tune
        Takes a foundation's rows and returns them tuned on the log.
    """
    tables, tuned, figures = dict(tables), False, {}
    if "foundation" in tables and (given.foundation == "tuned" if given else lists is not None):
        other = tune(tables["foundation"])
        tuned = True
        if lists is not None and given is None:
            pair = PartJudge(lists, weights, alone)
            tuned = pair.better({name: tables[name] for name in ("log", "foundation")}, "foundation", other)
            figures["transfer"] = pair.figures
        if tuned:
            tables["foundation"] = other
    kept = tuple(name for name in tables if name != "log")
    if given is not None:
        chosen = {"text": given.text, "foundation": given.foundation != "none"}
        kept = tuple(name for name in kept if chosen[name])
    elif lists is not None and kept:
        judge = PartJudge(lists, weights, alone)
        kept = judge.keep(tables, kept)
        figures["ndcg_by_parts"] = judge.figures
    transfer: Transfer = "none"
    if "foundation" in kept:
        transfer = "tuned" if tuned else "frozen"
    return Parts(_beside({name: tables[name] for name in ("log", *kept)}, alone), transfer, figures)


def _beside(tables: Tables, alone: Floats) -> Tables:
    return {**tables, "log": alone} if "text" in tables else tables


class PartJudge:
    """Choose parts by the lists that users get from their nearest neighbours.

    Parameters
    ----------
    lists
        Of validation time.
    weights
        CSR, shape (n_users, n_items): users of the fit.
    alone
        See :func:`choose_parts`.

    Attributes
    ----------
    figures
        Parts, joined by `` + ``, to the mean NDCG of their lists.
    """

    def __init__(self, lists: NeighbourLists, weights: sparse.csr_matrix, alone: Floats) -> None:
        self.lists, self.weights, self.alone = lists, weights, alone
        self.figures: dict[str, float] = {}

    def keep(self, tables: Tables, optional: tuple[str, ...]) -> tuple[str, ...]:
        """Return the optional parts that stay: one after another, the one that is missed least leaves.

        Parameters
        ----------
        tables
            Part to its table; those that are not optional always stay.
        optional
            Parts that may leave.
        """
        kept = dict(tables)
        left = list(optional)
        while left:
            now = self._judge(kept)
            without = {part: self._judge({name: t for name, t in kept.items() if name != part}) for part in left}
            gains = {part: gain(now, figures) for part, figures in without.items()}
            part = min(left, key=lambda name: gains[name])
            if gains[part] > 0:
                break
            left.remove(part)
            del kept[part]
        return tuple(left)

    def better(self, tables: Tables, part: str, other: Floats) -> bool:
        """Whether another table is the better one for a part, by more than a standard error."""
        now, then = self._judge(tables), self._judge({**tables, part: other}, {part: f"{part} tuned"})
        difference = then - now
        return bool(np.nanmean(difference) > _standard_error(difference))

    def _judge(self, tables: Tables, names: Mapping[str, str] | None = None) -> Floats:
        label = " + ".join((names or {}).get(name, name) for name in tables)
        per_user = self.lists.ndcg(unit_rows(self.weights @ joined(_beside(tables, self.alone), self.weights)))
        self.figures[label] = float(np.nanmean(per_user))
        return per_user


def gain(with_part: Floats, without: Floats) -> float:
    """Return what a part is worth to the lists of validation time; not above zero: it should leave.

    With few judged users a difference is mostly chance, and measurements elsewhere speak for text: the part is
    given the benefit of two standard errors. With many, it must raise the mean by one.
    """
    difference = with_part - without
    judged = int(np.isfinite(difference).sum())
    allowance = _CLEARLY if judged < FEW else -1.0
    return float(np.nanmean(difference)) + allowance * _standard_error(difference)


def _standard_error(difference: Floats) -> float:
    known: npt.NDArray[Any] = difference[np.isfinite(difference)]
    return float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else 0.0

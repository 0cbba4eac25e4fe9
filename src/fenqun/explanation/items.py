"""Items over-represented in a segment, corrected for popularity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.explanation.population import Population
from fenqun.explanation.statistics import dirichlet_log_odds
from fenqun.explanation.wording import calm, clean
from fenqun.schema import CardItem

_TEXT_LIMIT = 120
_Z = 1.645  # one-sided five per cent
_PRIOR = 1000.0  # (user, item) pairs like everyone's that the prior is worth


def top_items(population: Population, length: int = 10, min_users: int | None = None) -> list[list[CardItem]]:
    """Return the items of each segment with the largest log-odds against everyone else.

    One user counts once per item. Items are ranked by the z-score of the log-odds with an
    informative Dirichlet prior, among those above the one-sided five per cent point and with at
    least ``min_users`` users of the segment (None: 2 % of them, from 3 to 50); ties by item order;
    items with the same text are listed once.
    """
    users = item_users(population.membership, population.counts)
    everyone = users.sum(axis=0)
    return [
        _top(population, users[g], everyone, length, min_users if min_users is not None else least_users(size))
        for g, size in enumerate(population.sizes)
    ]


def least_users(size: int) -> int:
    """Users of a segment of ``size`` that an item needs to be told."""
    return int(min(max(3, np.ceil(0.02 * size)), 50))


def item_users(membership: sparse.csr_matrix, counts: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return ``(k, n_items)``: users of each segment who took each item at all."""
    taken = sparse.csr_matrix(((counts.data > 0).astype(np.float64), counts.indices, counts.indptr), counts.shape)
    users: NDArray[np.float64] = (membership @ taken).toarray()
    return users


def _top(
    population: Population,
    inside: NDArray[np.float64],
    everyone: NDArray[np.float64],
    length: int,
    least: int,
) -> list[CardItem]:
    if not inside.any():
        return []
    z = dirichlet_log_odds(inside, everyone, _PRIOR)
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = (inside / inside.sum()) / (everyone / everyone.sum())
    candidates = np.flatnonzero((inside >= least) & (lift > 1) & (z > _Z))
    order = candidates[np.argsort(-z[candidates].round(9), kind="stable")]
    items: list[CardItem] = []
    seen: set[str] = set()
    for i in order:
        item = card_item(population, int(i), int(inside[i]), float(lift[i]))
        if item.text.casefold() not in seen:
            seen.add(item.text.casefold())
            items.append(item)
        if len(items) == length:
            break
    return items


def card_item(population: Population, item: int, users: int, lift: float) -> CardItem:
    """Return one item as a card shows it; an item without text is called by its id."""
    item_id = str(population.item_ids[item].as_py())
    code = int(population.category_codes[item])
    category = clean(population.category_names[code], _TEXT_LIMIT) if code >= 0 else ""
    text = " | ".join(calm(part) for part in clean(population.texts[item] or "", _TEXT_LIMIT).split(" | "))
    return CardItem(
        item_id=item_id,
        text=text or clean(item_id, _TEXT_LIMIT),
        category=calm(category) or None,
        users=users,
        lift=round(lift, 4),
    )


def popular_items(population: Population, share: float = 0.01, least: int = 20) -> set[str]:
    """Return ids of items so popular with everyone that they cannot tell who a segment is.

    The most taken hundredth of the items that are taken at all, and at least twenty of them, but
    never more than half.
    """
    users = np.asarray((population.counts > 0).sum(axis=0)).ravel()
    alive = int((users > 0).sum())
    length = min(max(least, int(np.ceil(share * alive))), alive // 2)
    order = np.argsort(-users, kind="stable")[:length]
    return {str(population.item_ids[int(i)].as_py()) for i in order}

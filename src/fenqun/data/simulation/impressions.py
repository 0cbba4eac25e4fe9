"""Simulated impressions with known truth: what attracts whom, where people look, and how likely each item was shown.

Users of a group are attracted by items alike, up to a factor of their own that makes a user's clicks hang together. A page
shows up to three different items, drawn one after another with probabilities that may favour some items and differ between
groups; what an item's chance was to land in a position is computed, not estimated. A click takes a look at the position and
an attracted user (the position-based model), so that the value of any policy can be written down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

EXAMINATION = (1.0, 0.6, 0.35)
"""Chance that a position is looked at."""


@dataclass(frozen=True)
class ClickTruth:
    """What decides about clicks.

    Attributes
    ----------
    attraction
        (groups, items) chance that a user of the group clicks an item that they look at.
    examination
        (positions,) chance that a position is looked at.
    shares
        (groups,) of all impressions.
    logged
        (groups, positions, items) chance that the logging policy puts an item in a position.
    """

    attraction: FloatArray
    examination: FloatArray
    shares: FloatArray
    logged: FloatArray

    def value(self, target: FloatArray) -> float:
        """Return the click-through rate of a policy, given as ``logged``."""
        return float(self.shares @ self.by_group(target))

    def by_group(self, target: FloatArray) -> FloatArray:
        """Return the click-through rate of a policy in each group, (groups,)."""
        clicks = target * self.examination[None, :, None] * self.attraction[:, None, :]
        return np.asarray(clicks.sum(axis=(1, 2)) / len(self.examination))

    def lists(self, items: IntArray) -> FloatArray:
        """Return, as ``logged``, the policy that shows each group its list, (groups, positions) items."""
        target = np.zeros_like(self.logged)
        groups, positions = items.shape
        target[np.arange(groups)[:, None], np.arange(positions)[None, :], items] = 1.0
        return target

    def best(self) -> FloatArray:
        """Return the policy that shows each group what attracts it most, best item on top."""
        return self.lists(np.argsort(-self.attraction, axis=1, kind="stable")[:, : len(self.examination)])


@dataclass(frozen=True)
class SimulatedImpressions:
    """One row an impression, in the order of users and pages.

    Attributes
    ----------
    user, group, page, position, item
        (n,) codes; ``position`` counts from 0.
    clicked
        (n,) bool.
    propensity
        (n,) chance that the logging policy put the item in its position.
    """

    user: IntArray
    group: IntArray
    page: IntArray
    position: IntArray
    item: IntArray
    clicked: npt.NDArray[np.bool_]
    propensity: FloatArray
    truth: ClickTruth

    def target(self, policy: FloatArray) -> FloatArray:
        """Return the chance of each impression under a policy, (n,)."""
        return np.asarray(policy[self.group, self.position, self.item])

    def table(
        self, user_ids: pa.Array, item_ids: pa.Array, start: int, end: int, policy: str, seed: int
    ) -> pa.Table:
        """Return the columns that ``data.impressions`` maps; pages lie at random seconds in [start, end)."""
        random = np.random.default_rng([seed, len(self.page)])
        seconds = random.integers(start, end, size=int(self.page.max(initial=-1)) + 1)
        return pa.table(
            {
                "user_id": user_ids.take(pa.array(self.user)),
                "item_id": item_ids.take(pa.array(self.item)),
                "timestamp": pa.array(seconds[self.page], pa.timestamp("s")),
                "position": pa.array(self.position + 1, pa.int32()),
                "clicked": pa.array(self.clicked),
                "propensity": pa.array(self.propensity),
                "policy": pa.array([policy] * len(self.user), pa.string()),
            }
        )


def attractions(
    groups: int, items: int, seed: int, *, likely: float = 0.08, liked: float = 4.0, each: int = 3
) -> FloatArray:
    """Draw what attracts whom, (groups, items): every group likes ``each`` items of its own ``liked`` times as much."""
    random = np.random.default_rng([seed, groups, items])
    table = np.tile(likely * random.uniform(0.3, 1.7, size=items), (groups, 1))
    own = random.permutation(items)[: groups * each].reshape(groups, each)
    table[np.arange(groups)[:, None], own] = np.minimum(
        likely * liked * random.uniform(0.8, 1.2, (groups, each)), 0.6
    )
    return table


def simulate_impressions(
    groups: IntArray,
    attraction: FloatArray,
    *,
    pages: float = 4.0,
    skew: float = 0.0,
    spread: float = 0.5,
    examination: tuple[float, ...] = EXAMINATION,
    seed: int = 7,
) -> SimulatedImpressions:
    """Draw what users are shown, and what they click.

    Parameters
    ----------
    groups
        (users,) group of each user; users of later groups look at more pages, so that groups differ in weight.
    attraction
        (groups, items), see :class:`ClickTruth`; at most ``1 / (1 + spread)``.
    pages
        Mean pages of a user.
    skew
        0: logging is uniform. Above: items are favoured as ``exp(skew · z)`` of a number z that is drawn for each group.
    spread
        A user's own factor on attraction is uniform in 1 - spread to 1 + spread.
    examination
        One to three positions.
    seed
        The same arguments give the same impressions.

    Raises
    ------
    ValueError
        If there are more than three positions, or a chance exceeds one.
    """
    if not 1 <= len(examination) <= 3:
        raise ValueError("one to three positions: chances of further ones are not computed")
    if float(attraction.max()) * (1 + spread) > 1:
        raise ValueError("attraction times a user's own factor exceeds one")
    random = np.random.default_rng(seed)
    k, n_items = attraction.shape
    scores = np.exp(skew * random.standard_normal((k, n_items)))
    scores /= scores.sum(axis=1, keepdims=True)
    logged = np.stack([_landing(row, len(examination)) for row in scores])
    level = 1.0 + np.arange(k) / k
    activity = level[groups] / level[groups].mean()
    n_pages = 1 + random.poisson(np.maximum(pages - 1, 0) * activity)
    user = np.repeat(np.arange(len(groups)), n_pages)
    group = groups[user]
    # Adding Gumbel noise and sorting draws without replacement (Plackett-Luce).
    noise = random.gumbel(size=(len(user), n_items))
    shown = np.argsort(-(np.log(scores)[group] + noise), axis=1)[:, : len(examination)]
    own = random.uniform(1 - spread, 1 + spread, size=len(groups))[user]
    looks = np.asarray(examination)
    chance = looks[None, :] * attraction[group[:, None], shown] * own[:, None]
    clicked = random.random(chance.shape) < chance
    places = np.broadcast_to(np.arange(len(looks)), shown.shape)
    expected = np.bincount(groups, weights=1 + np.maximum(pages - 1, 0) * activity, minlength=k)
    return SimulatedImpressions(
        user=np.repeat(user, len(looks)),
        group=np.repeat(group, len(looks)),
        page=np.repeat(np.arange(len(user)), len(looks)),
        position=places.ravel().copy(),
        item=shown.ravel(),
        clicked=clicked.ravel(),
        propensity=logged[group[:, None], places, shown].ravel(),
        truth=ClickTruth(attraction, looks, expected / expected.sum(), logged),
    )


def _landing(p: FloatArray, positions: int) -> FloatArray:
    """Return the chance of each item to be drawn first, second, third without replacement, (positions, items)."""
    n = len(p)
    rows = [p]
    if positions > 1:
        # first[a] then second[b]: p_a p_b / (1 - p_a)
        pair = p[:, None] * p[None, :] / (1 - p)[:, None]
        np.fill_diagonal(pair, 0.0)
        rows.append(pair.sum(axis=0))
    if positions > 2:
        left = 1 - p[:, None] - p[None, :]
        np.fill_diagonal(left, 1.0)
        drawn = pair / left
        total = drawn.sum()
        # all pairs less those that hold the item itself
        rows.append(p * (total - drawn.sum(axis=0) - drawn.sum(axis=1)))
    return np.stack(rows).reshape(positions, n)

"""Links between simulated users, most of them between users of a type."""

from __future__ import annotations

import numpy as np

from fenqun.data.simulation.draws import Ints

ALIKE = 0.8
"""Probability that a friend is drawn from the users of the same type; anybody else is drawn from all."""
PER_USER = 3.0


def draw_friends(random: np.random.Generator, kinds: Ints, members: Ints) -> tuple[Ints, Ints]:
    """Draw friends of the users of a block: of the same type within the block, or anybody up to its end.

    Parameters
    ----------
    random
        Generator.
    kinds
        (n,) types.
    members
        (n,) numbers of the users, rising without gaps.

    Returns
    -------
    tuple
        Numbers of both ends of each link, the first one in the block; no link twice, in whichever direction.
    """
    n = len(members)
    one = np.repeat(np.arange(n), random.poisson(PER_USER, n))
    order = np.argsort(kinds, kind="stable")
    size = np.bincount(kinds)
    start = np.cumsum(size) - size
    same = order[start[kinds[one]] + (random.random(len(one)) * size[kinds[one]]).astype(np.int64)]
    anybody = (random.random(len(one)) * (members[-1] + 1)).astype(np.int64)
    other = np.where(random.random(len(one)) < ALIKE, members[same], anybody)
    one = members[one]
    pairs = np.stack([np.maximum(one, other), np.minimum(one, other)], axis=1)[one != other]
    if not len(pairs) and members[-1] > 0:  # a handful of users: two of them at least know one another
        pairs = np.array([[members[-1], members[-1] - 1]])
    pairs = np.unique(pairs, axis=0)
    return pairs[:, 0], pairs[:, 1]

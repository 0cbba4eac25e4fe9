"""What all parts of a group have in common: a group that joins others is named by that alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fenqun.explanation.drivers import Effects
from fenqun.explanation.population import Population


@dataclass(frozen=True)
class Members:
    """The finer groups that each group joins.

    Attributes
    ----------
    population
        The same users under the finer groups.
    owner
        (k_finer,) group that each of them is in.
    """

    population: Population
    owner: NDArray[np.int64]


def shared_effects(whole: Effects, finer: Effects, owner: NDArray[np.int64], sizes: NDArray[np.int64]) -> Effects:
    """Return the effects of groups, without those that not all of their members show.

    Parameters
    ----------
    whole
        Effects of k groups.
    finer
        Of the same features for the groups that they join.
    owner
        (k_finer,) group of each.
    sizes
        (k,) users of the groups.

    Returns
    -------
    Effects
        Where a member lies on the other side of the other groups' mean than its group does, effect and strength are 0 and q
        is 1. Everyone is no yardstick for a member: what three members share may be common because of them.
    """
    level = np.nan_to_num(whole.segment)
    weight = sizes[:, None].astype(np.float64)
    others = ((level * weight).sum(axis=0) - level * weight) / np.maximum(weight.sum() - weight, 1.0)
    agreed = np.ones(whole.effect.shape, dtype=bool)
    for g in range(len(agreed)):
        sides = np.sign(finer.segment[owner == g] - others[g])
        agreed[g] = (sides == np.sign(np.nan_to_num(whole.effect[g]))).all(axis=0)
    return replace(
        whole,
        effect=np.where(agreed, whole.effect, 0.0),
        strength=np.where(agreed, whole.strength, 0.0),
        q=np.where(agreed, whole.q, 1.0),
    )

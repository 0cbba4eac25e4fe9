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


def shared_effects(whole: Effects, finer: Effects, owner: NDArray[np.int64]) -> Effects:
    """Return the effects of groups, without those that not all of their members show in the same direction.

    Parameters
    ----------
    whole
        Effects of k groups.
    finer
        Of the same features for the groups that they join.
    owner
        (k_finer,) group of each.

    Returns
    -------
    Effects
        Where a member differs from everyone the other way, or not at all, effect and strength are 0 and q is 1.
    """
    signs = np.sign(np.nan_to_num(finer.effect))
    agreed = np.ones(whole.effect.shape, dtype=bool)
    for g in range(len(agreed)):
        agreed[g] = (signs[owner == g] == np.sign(np.nan_to_num(whole.effect[g]))).all(axis=0)
    return replace(
        whole,
        effect=np.where(agreed, whole.effect, 0.0),
        strength=np.where(agreed, whole.strength, 0.0),
        q=np.where(agreed, whole.q, 1.0),
    )

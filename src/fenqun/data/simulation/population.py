"""Who the users are: types with unequal shares, a second interest for some, and what can be known of both.

Each scenario knows what its types do, and so what anybody who knows that much could find out from the log: the posterior
of Bayes' rule. Its best guess bounds what any segmentation can reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import gammaln, logsumexp
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from fenqun.data.simulation.draws import Bools, Floats, Ints

NOBODY = -1
"""In place of a second type: none."""


@dataclass(frozen=True)
class Interests:
    """Types of users and their shares.

    Attributes
    ----------
    names
        One a type.
    two_sided
        Share of users that follow a second type on another device or channel.
    """

    names: tuple[str, ...]
    two_sided: float = 0.15

    @property
    def sizes(self) -> Floats:
        """(n_types,) shares, falling as one over the root of the rank."""
        sizes = (1.0 + np.arange(len(self.names))) ** -0.5
        return np.asarray(sizes / sizes.sum())

    def draw(self, random: np.random.Generator, n: int) -> tuple[Ints, Ints]:
        """Draw type and second type (``NOBODY`` for most) of ``n`` users."""
        kinds = len(self.names)
        first = random.choice(kinds, n, p=self.sizes)
        second = (first + random.integers(1, kinds, n)) % kinds
        return first, np.where(random.random(n) < self.two_sided, second, NOBODY)

    def log_posterior(self, here: Floats, elsewhere: Floats) -> Floats:
        """Weigh types by what users did, (n, n_types), up to a constant a user.

        Parameters
        ----------
        here, elsewhere
            (n, n_types) log-likelihood of what was done on the first and on the second device, had it been done by
            somebody who follows each type there.
        """
        kinds = len(self.names)
        other = np.stack([logsumexp(np.delete(elsewhere, t, axis=1), axis=1) for t in range(kinds)], axis=1)
        alone = np.log(1 - self.two_sided) + elsewhere
        both = np.log(self.two_sided / (kinds - 1)) + other
        return np.asarray(np.log(self.sizes) + here + np.logaddexp(alone, both))

    def labels(self, kinds: Ints) -> pa.Array:
        """Names of types, null for ``NOBODY``."""
        return labels(self.names, kinds)


def followed(first: Ints, second: Ints, owner: Ints, elsewhere: Bools) -> Ints:
    """Return the type that is followed in each visit: the second one elsewhere, where there is one."""
    return np.where(elsewhere & (second[owner] != NOBODY), second[owner], first[owner])


def labels(names: tuple[str, ...], codes: Ints) -> pa.Array:
    """Write codes as names, null for ``NOBODY``."""
    return pa.array(names, pa.string()).take(pa.array(codes, mask=codes == NOBODY))


def log_negative_binomial(count: Ints, mean: Floats, shape: float) -> Floats:
    """Log-probability of counts that are Poisson with a gamma-distributed rate, up to a constant a count.

    ``mean`` broadcasts against ``count``.
    """
    known = gammaln(count + shape) + shape * np.log(shape)
    return np.asarray(known + count * np.log(mean) - (count + shape) * np.log(mean + shape))


def log_binomial(hits: Ints, tries: Ints, probability: Floats) -> Floats:
    """Log-probability of hits among tries, up to a constant, (n, len(probability))."""
    p = probability[None, :]
    return np.asarray(hits[:, None] * np.log(p) + (tries - hits)[:, None] * np.log1p(-p))


def classified(truth: pa.Table, column: str) -> dict[str, Any]:
    """Say how far the best guess (column ``best_...``) gets: adjusted Rand index and accuracy."""
    true, guess = (truth[name].to_numpy(zero_copy_only=False) for name in (column, f"best_{column}"))
    return {
        "ari": round(float(adjusted_rand_score(true, guess)), 4),
        "accuracy": round(float((true == guess).mean()), 4),
        "n": len(true),
    }


def ranked(outcome: Bools, probability: Floats) -> dict[str, Any]:
    """Say how well the true probability ranks an outcome: no prediction can be expected to rank it better.

    Returns
    -------
    dict
        ``auc`` against the outcome as drawn (nan where all have the same), ``expected_auc`` over all outcomes that
        could have been drawn, ``rate`` and ``n``.
    """
    order = np.argsort(probability, kind="stable")
    p = probability[order]
    # Users of the same probability share the pairs among themselves evenly.
    first, last = np.searchsorted(p, p, side="left"), np.searchsorted(p, p, side="right")
    misses = np.concatenate([[0.0], np.cumsum(1 - p)])
    below = (misses[first] + misses[last]) / 2
    pairs = p.sum() * (1 - p).sum()
    both = 0 < outcome.sum() < len(outcome)
    return {
        "auc": round(float(roc_auc_score(outcome, probability)), 4) if both else None,
        "expected_auc": round(float((p * below).sum() / pairs), 4) if len(p) > 1 else None,
        "rate": round(float(outcome.mean()), 4) if len(p) else None,
        "n": len(p),
    }

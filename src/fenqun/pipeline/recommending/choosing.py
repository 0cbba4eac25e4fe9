"""The recommender of each segment, chosen on validation time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.pipeline.recommending.trying import SEGMENT, USER, Bench, Trial, names_of, personal
from fenqun.recommendation.choice import Choice, choose, choose_weights
from fenqun.recommendation.recommenders.registry import BASELINE, BLEND, available

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_WEIGHTS = (0.25, 0.5, 0.75)
_CRITERION = "ndcg"


@dataclass(frozen=True)
class Choices:
    """What validation time chose.

    Attributes
    ----------
    by_scope
        A choice for each segment of the phase that learned on train time, by scope.
    person
        The recommender that the blend takes as the person's; None where there is no blend.
    weights
        ``(k,)`` the person's share in the blend.
    reasons
        Why a recommender was not tried, in a code; None: it was.
    """

    by_scope: dict[str, list[Choice]]
    person: str | None
    weights: Floats
    reasons: dict[str, str | None] = field(default_factory=dict)

    def carried(self, counterpart: Ints) -> Choices:
        """Return the same for segments of another fit, whose counterparts here are given."""
        return Choices(
            {scope: [choices[g] for g in counterpart] for scope, choices in self.by_scope.items()},
            self.person,
            self.weights[counterpart],
            self.reasons,
        )


def baseline_alone(k: int) -> Choices:
    """Return the choice where nothing can be judged."""
    nothing = [Choice(BASELINE, 0.0, 0.0, 0)] * k
    return Choices({SEGMENT: nothing, USER: nothing}, None, np.zeros(k))


def choose_recommenders(bench: Bench) -> Choices:
    """Try everything on the phase's held-out users and choose for each segment, in both scopes."""
    material = bench.material
    reasons = available(material)
    names, k = names_of(reasons), material.n_segments
    shared = {name: bench.of_segments(name).figures[_CRITERION] for name in names}
    own = {name: scores[bench.sample] for name, scores in shared.items()}
    groups = bench.labels[bench.sample]
    alone = personal(names)
    own |= {name: bench.of_users(bench.fitted(name).scores).figures[_CRITERION] for name in alone}
    person, weights = None, np.zeros(k)
    if alone and "segment_counts" in names and BLEND in material.settings.recommenders:
        person = max(alone, key=lambda name: float(np.nanmean(own[name])))
        tried = {weight: _blended(bench, person, weight).figures[_CRITERION] for weight in _WEIGHTS}
        weights, own[BLEND] = choose_weights(tried, groups, k, np.arange(len(groups)) % 2 == 0)
    by_scope = {SEGMENT: choose(shared, bench.labels, k), USER: choose(own, groups, k)}
    return Choices(by_scope, person, weights, reasons)


def _blended(bench: Bench, person: str, weights: float | Floats) -> Trial:
    return bench.of_users(bench.blend(person, weights).scores)


def told(choices: Choices, ids: list[str]) -> dict[str, Any]:
    """Return the choices of published segments as plain values, for the record of the stage."""
    return {
        scope: {
            segment: {
                "recommender": one.recommender,
                "lead": round(one.lead, 5),
                "error": round(one.error, 5),
                "users": one.users,
            }
            | ({"weight": float(choices.weights[g])} if one.recommender == BLEND else {})
            for g, (segment, one) in enumerate(zip(ids, chosen, strict=True))
        }
        for scope, chosen in choices.by_scope.items()
    }

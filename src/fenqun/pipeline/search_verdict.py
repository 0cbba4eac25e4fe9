"""What came of the trials of a search, and which settings it ends with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from scipy.stats import rankdata

from fenqun.pipeline.search_space import Settings
from fenqun.pipeline.search_trials import Worth

Objective = Literal["goal", "lift", "value", "both"]
State = Literal["finished", "pruned", "failed"]


@dataclass(frozen=True)
class Tried:
    """One trial.

    Attributes
    ----------
    drawn
        Values as the sampler drew them.
    settings
        The same as they were used: weights are rounded.
    state
        ``finished``; ``pruned``: given up before its sequence model was trained; ``failed``: nothing could be judged.
    worth
        Of a finished trial.
    halfway
        The objective before the sequence model, where it was asked for.
    """

    drawn: Settings
    settings: Settings
    state: State
    worth: Worth | None
    halfway: float | None

    @classmethod
    def of(
        cls,
        drawn: Settings,
        settings: Settings,
        worth: Worth | None,
        halfway: Sequence[float],
        objective: Objective,
    ) -> Self:
        """Record what became of settings; ``worth`` is None where the trial was given up halfway."""
        state: State = "pruned"
        if worth is not None:
            state = "finished" if all(map(math.isfinite, values(worth, objective))) else "failed"
        kept = worth if state == "finished" else None
        return cls(drawn, settings, state, kept, halfway[0] if halfway else None)

    def values(self, objective: Objective) -> tuple[float, ...]:
        """Return what the search looks at, higher is better."""
        assert self.worth is not None
        return values(self.worth, objective)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        tree = asdict(self)
        if self.worth is not None:
            tree["worth"] = self.worth.to_dict()
        return tree

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        worth = None if tree["worth"] is None else Worth.from_dict(tree["worth"])
        return cls(**(tree | {"worth": worth}))


def values(worth: Worth, objective: Objective) -> tuple[float, ...]:
    """Return the figures of an objective, higher is better."""
    figures = {"goal": (worth.goal,), "lift": (worth.lift,), "value": (worth.value,)}
    return figures.get(objective, (worth.lift, worth.value))


def choose(trials: Sequence[Tried], objective: Objective) -> int:
    """Return the number of the trial whose settings are taken.

    A trial must be better than the settings as given (trial 0) by more than its standard error, in one figure of the
    objective at least, and worse in none. Of those that are, the one with the best mean rank wins, the first
    among equals. Where there is none, the settings stay as they are.
    """
    if trials[0].state != "finished":
        return 0
    able = [number for number, trial in enumerate(trials) if trial.state == "finished"]
    figures = [trials[number].values(objective) for number in able]
    ranks = sum(rankdata([-row[column] for row in figures]) for column in range(len(figures[0])))
    order = sorted(range(len(able)), key=lambda place: (ranks[place], able[place]))
    start = trials[0]
    return next((able[place] for place in order if _better(trials[able[place]], start, objective)), 0)


def _better(trial: Tried, start: Tried, objective: Objective) -> bool:
    assert trial.worth is not None
    gains = [new - old for new, old in zip(trial.values(objective), start.values(objective), strict=True)]
    worth = trial.worth
    single = {"goal": (worth.goal_se,), "lift": (worth.lift_se,), "value": (worth.value_se,)}
    errors = single.get(objective, (worth.lift_se, worth.value_se))
    clearly = any(gain > error for gain, error in zip(gains, errors, strict=True))
    return clearly and min(gains) >= 0


def reason(number: int, chosen: int, trials: Sequence[Tried], objective: Objective) -> str:
    """Say in one sentence why a trial was chosen or lost."""
    trial, start = trials[number], trials[0]
    if trial.state == "failed":
        return "nothing could be judged on validation time"
    if trial.state == "pruned":
        return "below the median before its sequence model was trained"
    if number == chosen == 0:
        return "the settings as given: no trial was better by more than its standard error"
    if number == 0:
        return f"the settings as given: trial {chosen} was better by more than its standard error"
    if number == chosen:
        rank = "the best mean rank" if objective == "both" else f"the best {objective}"
        return f"{rank} of the trials that were better than the settings as given by more than a standard error"
    if start.state == "finished" and not _better(trial, start, objective):
        return "not better than the settings as given by more than its standard error"
    return f"better than the settings as given, but trial {chosen} was better still"


def told(trial: Tried, objective: Objective) -> str:
    """Say what a trial found, in figures."""
    if trial.worth is None:
        return trial.state
    names = ("lift", "value") if objective == "both" else (objective,)
    return ", ".join(f"{name} {getattr(trial.worth, name):.4f}" for name in names)

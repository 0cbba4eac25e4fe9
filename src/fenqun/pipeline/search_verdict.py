"""What came of the trials of a search, and which settings it ends with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from scipy.stats import norm, rankdata

from fenqun.pipeline.search_space import Settings, from_json
from fenqun.pipeline.search_worth import Figure, Worth

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
        return cls(**(tree | {"worth": worth, "settings": from_json(tree["settings"])}))


def names_of(objective: Objective) -> tuple[str, ...]:
    """Return the names of an objective's figures."""
    return ("lift", "value") if objective == "both" else (objective,)


def figures_of(worth: Worth, objective: Objective) -> dict[str, Figure]:
    """Return the figures of an objective by name."""
    return {name: getattr(worth, name) for name in names_of(objective)}


def values(worth: Worth, objective: Objective) -> tuple[float, ...]:
    """Return what the search looks at: the lead over the settings as given in each figure of the objective."""
    return tuple(figure.gain for figure in figures_of(worth, objective).values())


def choose(trials: Sequence[Tried], objective: Objective) -> int:
    """Return the number of the trial whose settings are taken.

    A trial must lead the settings as given (trial 0), at as many segments, in one figure of the objective at least, and
    be behind in none. Its lead, less what luck alone gives the best of so many trials (:func:`luck`), must be more than
    one standard error of the difference. Where there is none, the settings stay as they are. Of those that do, the
    one with the best mean rank sets the mark; all that are within one standard error of its lead are level with it, and
    among them the fewest segments win, then the better rank, then the earlier trial (the one-standard-error rule of
    Breiman et al., 1984).
    """
    order = leading(trials, objective)
    if not order:
        return 0
    level = [number for number in order if _level(trials[number], trials[order[0]], objective)]
    return min(level, key=lambda number: (_worth(trials[number]).k, order.index(number)))


def luck(trials: int) -> float:
    """Return by how many standard errors the best of so many trials leads on average where none is better.

    The expected largest of as many independent normal draws, by the approximation of Blom (1958). Trials resemble each
    other, so it is on the cautious side.

    >>> luck(1), round(luck(9), 2), round(luck(29), 2)
    (0.0, 1.49, 2.03)
    """
    return float(norm.ppf((trials - 0.375) / (trials + 0.25))) if trials > 1 else 0.0


def leading(trials: Sequence[Tried], objective: Objective) -> list[int]:
    """Return the numbers of the trials that clearly lead the settings as given, the best mean rank first."""
    if trials[0].state != "finished":
        return []
    able = [number for number, trial in enumerate(trials) if trial.state == "finished"]
    figures = [trials[number].values(objective) for number in able]
    ranks = sum(rankdata([-row[column] for row in figures]) for column in range(len(figures[0])))
    order = [able[place] for place in sorted(range(len(able)), key=lambda place: (ranks[place], able[place]))]
    needed = 1.0 + luck(_judged(trials))
    return [number for number in order if _better(trials[number], objective, needed)]


def _better(trial: Tried, objective: Objective, needed: float) -> bool:
    """Whether a trial leads by more than so many standard errors in one figure, and is behind in none."""
    figures = figures_of(_worth(trial), objective).values()
    clearly = any(figure.gain > needed * figure.gain_se for figure in figures)
    return clearly and min(figure.gain for figure in figures) >= 0


def _level(trial: Tried, best: Tried, objective: Objective) -> bool:
    """Whether a trial's lead is within one standard error of the best one's."""
    mine, marks = (figures_of(_worth(one), objective) for one in (trial, best))
    return all(mine[name].gain >= mark.gain - mark.gain_se for name, mark in marks.items())


def _worth(trial: Tried) -> Worth:
    assert trial.worth is not None
    return trial.worth


def reason(number: int, chosen: int, trials: Sequence[Tried], objective: Objective) -> str:
    """Say why a trial was chosen or lost: clauses parted by semicolons, each of a form that the report knows."""
    trial = trials[number]
    if trial.state == "failed":
        return "nothing could be judged on validation time"
    if trial.state == "pruned":
        return "below the median before its sequence model was trained"
    if number == 0:
        lead = "no trial leads them clearly" if chosen == 0 else f"trial {chosen} leads them clearly"
        return f"the settings as given; {lead}"
    worth = _worth(trial)
    leads = [
        f"{name} {figure.gain:+.4f} on the settings as given at {worth.k} segments, standard error {figure.gain_se:.4f}"
        for name, figure in figures_of(worth, objective).items()
    ]
    return "; ".join([*leads, _outcome(number, chosen, trials, objective)])


def _outcome(number: int, chosen: int, trials: Sequence[Tried], objective: Objective) -> str:
    """Say what the leads of a finished trial came to."""
    if trials[0].state != "finished":
        return "the settings as given could not be judged, and stay"
    order = leading(trials, objective)
    if number not in order:
        figures = figures_of(_worth(trials[number]), objective).values()
        if min(figure.gain for figure in figures) >= 0 and any(f.gain > f.gain_se for f in figures):
            return f"no more than luck gives the best of {_judged(trials)} trials"
        return "no clear lead"
    first = order[0]
    if number == chosen:
        return "the best of all" if number == first else f"level with the best, trial {first}, with fewest segments"
    if _level(trials[number], trials[first], objective):
        ours, theirs = _worth(trials[number]).k, _worth(trials[chosen]).k
        if ours > theirs:
            return f"level with the best, but {ours} segments against {theirs} of trial {chosen}"
        return f"level with trial {chosen}, which ranks before it"
    return f"behind trial {first} by more than a standard error"


def _judged(trials: Sequence[Tried]) -> int:
    return sum(trial.state == "finished" for trial in trials[1:])


def told(trial: Tried, objective: Objective) -> str:
    """Say what a trial found, in figures."""
    if trial.worth is None:
        return trial.state
    return ", ".join(
        f"{name} {figure.value:.4f} ({figure.gain:+.4f}) at {trial.worth.k} segments"
        for name, figure in figures_of(trial.worth, objective).items()
    )

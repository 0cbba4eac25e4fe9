"""What settings are worth: figures of the segments that they give, and their lead over the settings as given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from fenqun.pipeline.judging import Labels, PhaseJudge

UNKNOWN = float("nan")


@dataclass(frozen=True)
class Figure:
    """One figure of segments on held-out time.

    Attributes
    ----------
    value, se
        The figure with its standard error over users; NaN where the log cannot say.
    gain, gain_se
        By how much it is better than that of the settings as given at the same number of segments, and the standard
        error of that difference, paired over users.
    """

    value: float = UNKNOWN
    se: float = UNKNOWN
    gain: float = UNKNOWN
    gain_se: float = UNKNOWN


@dataclass(frozen=True)
class Worth:
    """Figures of the segments that settings give, as these would be published.

    Attributes
    ----------
    goal
        The first figure of the goal.
    lift
        Of the segments' lists over one list for everyone.
    value
        Share of the variance of future value (or activity) that the segments explain.
    k
        Number of segments that validation time chose.
    blocks
        Blocks that the gate kept.
    """

    goal: Figure
    lift: Figure
    value: Figure
    k: int
    blocks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where a figure has no meaning."""
        return {
            name: {part: number if np.isfinite(number) else None for part, number in told.items()}
            if isinstance(told, dict)
            else told
            for name, told in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        figures = {
            name: Figure(**{part: UNKNOWN if number is None else number for part, number in tree[name].items()})
            for name in ("goal", "lift", "value")
        }
        return cls(**figures, k=tree["k"], blocks=tuple(tree["blocks"]))


def worth(judge: PhaseJudge, labels: Labels, given: Labels, blocks: tuple[str, ...]) -> Worth:
    """Judge segments, also against those of the settings as given.

    Parameters
    ----------
    judge
        Of the phase.
    labels, given
        (n,) segment of each active user by the settings, and by the settings as given at as many segments.
    blocks
        Blocks that the settings keep.
    """
    told = judge(labels)
    names = {"goal": judge.order[0], "lift": "lift", "value": "value"}
    figures = {
        role: _figure(judge, name, told, labels, given) if judge.judges(name) else Figure()
        for role, name in names.items()
    }
    return Worth(**figures, k=len(np.unique(labels)), blocks=blocks)


def _figure(judge: PhaseJudge, name: str, told: dict[str, float], labels: Labels, given: Labels) -> Figure:
    if name not in told:
        told = told | judge.figure(name, labels)
    gain, error = judge.lead(name, labels, given)
    return Figure(float(told[name]), float(told.get(f"{name}_se", UNKNOWN)), gain, error)

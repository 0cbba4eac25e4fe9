"""Fusion: blocks standardised one by one and joined with fixed weights, and the gate that drops some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fenqun.errors import RunError

Floats32 = npt.NDArray[np.float32]
Blocks = Mapping[str, npt.NDArray[Any]]


class Fusion:
    """Centre each block, divide by its overall root mean square, weigh, join in order of name.

    After that a block contributes its squared weight to the mean squared length of a fused vector,
    whatever its width and scale. Inside a block the directions keep their proportions.

    Parameters
    ----------
    weights
        Weight of each block; 0 leaves a block out.

    Attributes
    ----------
    centers_
        Block to its mean, float64 (width,).
    scales_
        Block to the root of its mean squared length after centring.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = weights

    @property
    def blocks(self) -> list[str]:
        """Names of the blocks that are joined, in the order of their columns."""
        return sorted(name for name, weight in self.weights.items() if weight > 0)

    def fit(self, blocks: Blocks, y: object = None) -> Self:
        """Learn centres and scales; every block has shape (n_users, its width).

        Raises
        ------
        RunError
            If a weighted block is missing.
        """
        self.centers_: dict[str, npt.NDArray[np.float64]] = {}
        self.scales_: dict[str, float] = {}
        for name in self.blocks:
            rows = np.asarray(_block(blocks, name), dtype=np.float64)
            center = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
            scale = float(np.sqrt(((rows - center) ** 2).sum(axis=1).mean())) if len(rows) else 0.0
            self.centers_[name] = center
            # A block in which all users are alike says nothing and stays zero.
            self.scales_[name] = scale if scale > 1e-9 else float("inf")
        return self

    def transform(self, blocks: Blocks) -> Floats32:
        """Join the blocks of users, float32 (n, sum of widths)."""
        parts = [
            (np.asarray(_block(blocks, name), dtype=np.float64) - self.centers_[name])
            * (self.weights[name] / self.scales_[name])
            for name in self.blocks
        ]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def fit_transform(self, blocks: Blocks, y: object = None) -> Floats32:
        """Fit and transform."""
        return self.fit(blocks).transform(blocks)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the scale of a block that says nothing is null."""
        return {
            "weights": {name: float(self.weights[name]) for name in self.blocks},
            "centers": {name: center.tolist() for name, center in self.centers_.items()},
            "scales": {name: scale if np.isfinite(scale) else None for name, scale in self.scales_.items()},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        fusion = cls(values["weights"])
        fusion.centers_ = {name: np.asarray(center) for name, center in values["centers"].items()}
        fusion.scales_ = {name: float("inf") if s is None else s for name, s in values["scales"].items()}
        return fusion


@dataclass(frozen=True)
class GateReport:
    """What the gate kept.

    Attributes
    ----------
    weights
        The kept blocks with their weights.
    figures
        ``all`` and ``without NAME`` to the judge's figure.
    dropped
        Blocks in the order in which they fell.
    """

    weights: dict[str, float]
    figures: dict[str, float]
    dropped: tuple[str, ...]


def gate(weights: Mapping[str, float], judge: Callable[[tuple[str, ...]], float]) -> GateReport:
    """Drop, one after another, the block without which validation is best, as long as that is better.

    Parameters
    ----------
    weights
        Block to its weight; blocks of weight 0 take no part.
    judge
        Takes the sorted names of blocks and returns a figure of validation time for their fused vectors, higher is
        better; NaN is worse than any number.

    Returns
    -------
    GateReport
        At least one block is kept. A tie keeps the block.
    """
    kept = {name: float(weights[name]) for name in sorted(weights) if weights[name] > 0}

    def figure(names: Iterable[str]) -> float:
        value = float(judge(tuple(names)))
        return value if np.isfinite(value) else float("-inf")

    best = figure(kept)
    figures = {"all": best}
    dropped: list[str] = []
    while len(kept) > 1:
        trials = {name: figure(n for n in kept if n != name) for name in kept}
        gone = [*dropped]
        figures |= {f"without {', '.join([*gone, name])}": value for name, value in trials.items()}
        worst = max(trials, key=lambda name: trials[name])
        if trials[worst] <= best:
            break
        best = trials[worst]
        dropped.append(worst)
        kept = {name: weight for name, weight in kept.items() if name != worst}
    plain = {name: value if np.isfinite(value) else float("nan") for name, value in figures.items()}
    return GateReport(kept, plain, tuple(dropped))


def _block(blocks: Blocks, name: str) -> npt.NDArray[Any]:
    if name not in blocks:
        raise RunError(f"the block {name!r} is missing", mend="run it again, or set its weight to 0")
    return blocks[name]

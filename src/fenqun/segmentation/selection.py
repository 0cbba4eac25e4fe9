"""Trials over clusterers and numbers of segments, and the choice among them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fenqun.config import Segmentation as Settings
from fenqun.progress import Progress, Silent, bar
from fenqun.schema import TRIALS
from fenqun.segmentation.ranking import Verdict, rank
from fenqun.segmentation.rule import Floats, Ints

if TYPE_CHECKING:
    from fenqun.segmentation.clusterers.base import Clusterer

GRID = (3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
"""Numbers of segments tried first: about a quarter more at each step."""

Judge = Callable[[Ints], dict[str, float]]
Internal = Callable[[Floats, Ints], dict[str, float]]


@dataclass(frozen=True)
class Trial:
    """One clustering that was tried.

    Attributes
    ----------
    clusterer, parameters
        What was run: a name of the catalogue and its constructor arguments, without seed and threads.
    asked
        Number of segments asked for, None where the clusterer finds its own.
    k
        Number of segments found, as published: every user in the nearest one.
    metrics
        Figures of the judge (``lift``, ``lift_se``, ``probe`` ...), internal metrics, ``noise`` (share),
        ``smallest`` (users).
    verdict
        ``chosen``, ``lost`` or ``rejected``.
    why
        Plain English.
    """

    clusterer: str
    parameters: dict[str, Any]
    asked: int | None
    k: int
    metrics: dict[str, float]
    resolved: dict[str, Any] = field(default_factory=dict)
    verdict: str = "lost"
    why: str = ""


@dataclass(frozen=True)
class Selection:
    """All trials and the chosen one.

    Attributes
    ----------
    trials
        In the order in which they ran.
    chosen
        The winner.
    marked
        Whether the winner broke a gate because no trial passed all of them.
    """

    trials: tuple[Trial, ...]
    chosen: Trial
    marked: bool
    strategy: str
    reducer: str

    def refit(self, X: NDArray[Any], *, seed: int, threads: int) -> Clusterer:
        """Fit the chosen clusterer with the chosen settings on other rows, such as a longer log's."""
        from fenqun.segmentation.clusterers.catalogue import make_clusterer

        clusterer = make_clusterer(
            self.chosen.clusterer,
            self.chosen.asked or self.chosen.k,
            seed=seed,
            threads=threads,
            parameters=self.chosen.parameters,
        )
        return clusterer.fit(X)

    def table(self) -> pa.Table:
        """Return ``trials.parquet``."""
        rows = [
            {
                "strategy": self.strategy,
                "reducer": self.reducer,
                "clusterer": trial.clusterer,
                "parameters": json.dumps({**trial.parameters, **trial.resolved}, sort_keys=True),
                "k": trial.k,
                "metrics": json.dumps(
                    {name: value if math.isfinite(value) else None for name, value in trial.metrics.items()}
                ),
                "verdict": trial.verdict,
                "why": trial.why,
            }
            for trial in self.trials
        ]
        return pa.Table.from_pylist(rows, schema=TRIALS)


def least_size(n: int, settings: Settings) -> int:
    """Return the least size of a segment of ``n`` users: max(10, 1 %), at most 50, unless set.

    >>> least_size(2469, Settings())
    25
    """
    return settings.min_size or min(50, max(10, math.ceil(n / 100)))


def grid(n: int, settings: Settings) -> tuple[int, ...]:
    """Return the numbers of segments to try on ``n`` users.

    A fixed ``k`` is taken as it is. Otherwise :data:`GRID` between ``k_min`` and ``k_max`` with both
    ends, less what cannot pass: more segments than there are users for segments of least size.

    >>> grid(2469, Settings())
    (3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
    >>> grid(80, Settings())
    (3, 4, 5, 6, 8)
    """
    if settings.k is not None:
        fixed = (settings.k,) if isinstance(settings.k, int) else settings.k
        return tuple(sorted(set(fixed)))
    inside = [k for k in GRID if settings.k_min <= k <= settings.k_max]
    wanted = sorted({settings.k_min, *inside, settings.k_max})
    room = n // least_size(n, settings)
    return tuple(k for k in wanted if k <= room) or (settings.k_min,)


def select(
    X: NDArray[Any],
    judge: Judge,
    settings: Settings,
    *,
    order: Sequence[str] = ("lift", "probe"),
    internal: Internal | None = None,
    clusterers: Sequence[str] | None = None,
    ks: Sequence[int] | None = None,
    strategy: str = "learned",
    reducer: str = "none",
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> Selection:
    """Try every clusterer at every number of segments and choose one.

    Parameters
    ----------
    X
        (n, d) features of users.
    judge
        Labels (n,) from 0 to k-1 to figures on validation time: those that ``order`` names, and optionally the standard
        error of each (``lift_se``); others are recorded. NaN where a log cannot give one.
    settings
        Gates, and what is fixed.
    order
        Figures that rank the trials, the first first.
    internal
        ``(X, labels)`` to internal metrics, which break ties.
    clusterers, ks
        Instead of those of ``settings``; ``ks`` are then exact, as a fixed ``k`` is.
    strategy, reducer
        Names for the record.
    seed, threads, progress
        Of the run.

    Notes
    -----
    Where k is free, the numbers between the winner's and its neighbours in the grid are tried as well, with its
    clusterer. A trial is judged as it would be published: with noise at the nearest segment and every user where the
    stored rule puts them. See :mod:`fenqun.segmentation.ranking` for the order of choice.
    """
    from fenqun.segmentation.clusterers.catalogue import candidates

    names = tuple(dict.fromkeys(clusterers or settings.clusterers))
    sizes = tuple(ks) if ks is not None else grid(len(X), settings)
    exact = settings.k is not None or ks is not None
    figures = _Figures(judge, internal)
    told = progress or Silent()

    def judged(trials: list[Trial]) -> tuple[list[Verdict], int]:
        verdicts = rank(
            [(trial.k, trial.metrics) for trial in trials],
            [_unasked(trial, sizes, exact=exact) for trial in trials],
            least=least_size(len(X), settings),
            max_noise=settings.max_noise,
            order=order,
        )
        (winner,) = [i for i, verdict in enumerate(verdicts) if verdict.verdict == "chosen"]
        return verdicts, winner

    trials = _run({name: candidates(name, sizes, seed=seed, threads=threads) for name in names}, X, figures, told)
    verdicts, winner = judged(trials)
    closer = () if exact or trials[winner].asked is None else between(trials[winner].k, sizes)
    if closer:
        name = trials[winner].clusterer
        trials += _run({name: candidates(name, closer, seed=seed, threads=threads)}, X, figures, told)
        verdicts, winner = judged(trials)
    kept = tuple(_with(trial, verdict) for trial, verdict in zip(trials, verdicts, strict=True))
    return Selection(kept, kept[winner], verdicts[winner].marked, strategy, reducer)


def between(k: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers around ``k`` that a grid leaves out, up to its neighbours there.

    >>> between(8, (5, 6, 8, 10))
    (7, 9)
    >>> between(10, (8, 10))
    (9,)
    """
    below = max((size for size in sizes if size < k), default=k)
    above = min((size for size in sizes if size > k), default=k)
    return tuple(number for number in range(below + 1, above) if number != k)


def _run(plans: dict[str, list[Clusterer]], X: NDArray[Any], figures: _Figures, progress: Progress) -> list[Trial]:
    from fenqun.segmentation.clusterers.base import checked
    from fenqun.segmentation.clusterers.catalogue import CLUSTERERS

    trials: list[Trial] = []
    with bar(progress, "trials", sum(map(len, plans.values())), "trials") as meter:
        for name, plan in plans.items():
            for fitted in CLUSTERERS[name].fit_many(plan, X):
                trials.append(_trial(name, fitted, checked(fitted, X, reset=False), figures))
                meter.advance(1)
    return trials


class _Figures:
    """Judges labels, each distinct partition once."""

    def __init__(self, judge: Judge, internal: Internal | None) -> None:
        self._judge, self._internal = judge, internal
        self._known: dict[bytes, dict[str, float]] = {}

    def __call__(self, X: Floats, labels: Ints) -> dict[str, float]:
        key = labels.tobytes()
        if key not in self._known:
            figures = {} if self._internal is None else dict(self._internal(X, labels))
            figures.update(self._judge(labels))
            self._known[key] = {name: float(value) for name, value in figures.items()}
        return self._known[key]


def _trial(name: str, fitted: Clusterer, X: Floats, figures: _Figures) -> Trial:
    from fenqun.segmentation.segmentation import Segmentation

    labels = Segmentation.from_clusterer(fitted, X).rule.labels(X)
    k = int(labels.max()) + 1
    parameters = {key: value for key, value in fitted.get_params().items() if key not in ("seed", "threads")}
    metrics = {
        **figures(X, labels),
        "noise": float(np.mean(fitted.labels_ < 0)),
        "smallest": float(np.bincount(labels).min()),
    }
    return Trial(name, parameters, parameters.get("n_clusters"), k, metrics, dict(fitted.resolved_))


def _unasked(trial: Trial, sizes: Sequence[int], *, exact: bool) -> str:
    """Say what is wrong with a trial's number of segments; given segments are never wrong."""
    inside = trial.k in sizes if exact else min(sizes) <= trial.k <= max(sizes)
    if inside or trial.clusterer == "given":
        return ""
    wanted = " or ".join(map(str, sizes)) if exact else f"{min(sizes)} to {max(sizes)}"
    return f"finds {trial.k} segment{'' if trial.k == 1 else 's'}, {wanted} were asked for"


def _with(trial: Trial, verdict: Verdict) -> Trial:
    return replace(trial, verdict=verdict.verdict, why=verdict.why)
